// Starts the client, or says that a part of it did not come; so it needs no other part itself.

try {
  const { start } = await import("./start.js");
  start();
} catch (error) {
  document.getElementById("unloaded").hidden = false;
  throw error;
}
