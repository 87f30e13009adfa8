// Says something to people who hear the page instead of seeing it.

/** Read out politely, after what is being read now. */
export function announce(text) {
  document.getElementById("announcements").textContent = text;
}
