// Makes this member of the replica set usable, and exits with 0 once it is. For a startup probe or a
// health check, which runs it until then: mongosh --quiet --norc --nodb ready.js
//
// Whatever an earlier run left undone, the next one does. Nothing that exists is changed: a new
// password is set in MongoDB first (docs/operations.md).
//
// MONGO_MEMBERS         the addresses of all members, joined by commas; the first forms the set
// MONGO_ROOT_PASSWORD   of the user root
// <SERVICE>_MONGO_PASSWORD, one or several: of the user <service>, who has the database <service>
const { MONGO_MEMBERS, MONGO_ROOT_PASSWORD } = process.env;
const members = MONGO_MEMBERS.split(",");

const users = [];
for (const name of Object.keys(process.env)) {
  const match = /^([A-Z]+)_MONGO_PASSWORD$/.exec(name);
  if (match) users.push({ service: match[1].toLowerCase(), password: process.env[name] });
}

function client() {
  return connect("mongodb://127.0.0.1:27017/admin?directConnection=true&serverSelectionTimeoutMS=2000");
}

function isFirst() {
  return members.length === 1 || members[0].split(/[.:]/)[0] === require("os").hostname();
}

// A member that does not find itself in its set has no setName either, but it has a set. Whether
// there is none yet is answered as long as there is no user, to this machine only.
function hasNoSet() {
  try {
    client().adminCommand({ replSetGetStatus: 1 });
    return false;
  } catch (error) {
    return error.codeName === "NotYetInitialized";
  }
}

// Possible without a password as long as there is no user, from this machine only.
function formSet() {
  const config = { _id: "rs0", members: members.map((host, _id) => ({ _id, host })) };
  print(JSON.stringify(client().adminCommand({ replSetInitiate: config })));
}

function canSignIn(database, user, password) {
  try {
    return client().getSiblingDB(database).auth(user, password).ok === 1;
  } catch {
    return false;
  }
}

function makeUsers() {
  if (!canSignIn("admin", "root", MONGO_ROOT_PASSWORD)) {
    client().createUser({ user: "root", pwd: MONGO_ROOT_PASSWORD, roles: ["root"] });
  }
  const admin = client();
  admin.auth("root", MONGO_ROOT_PASSWORD);
  for (const { service, password } of users) {
    const database = admin.getSiblingDB(service);
    if (!database.getUser(service)) {
      database.createUser({ user: service, pwd: password, roles: ["readWrite"] });
    }
  }
}

function allCanSignIn() {
  for (const { service, password } of users) {
    if (!canSignIn(service, service, password)) return false;
  }
  return true;
}

function isUsable() {
  const { isWritablePrimary, secondary } = client().hello();
  if (!isWritablePrimary && !secondary && isFirst() && hasNoSet()) formSet();
  if (!isWritablePrimary && !secondary) return false;
  if (allCanSignIn()) return true;
  if (isWritablePrimary) makeUsers();
  return allCanSignIn();
}

try {
  quit(isUsable() ? 0 : 1);
} catch (error) {
  print(error.message);
  quit(1);
}
