// client.js: an xmpp.js client that is told by lines of JSON what to do, and prints what it gets.
// usage: client.js register|login NAME PASSWORD
//
//   in:  {"xml": "..."}     an element to send
//   out: {"online": JID} | {"offline": true} | {"error": TEXT} | {"stanza": "..."} | {"registered": true}
"use strict";

const path = require("path");
const readline = require("readline");
const { createRequire } = require("module");

// What npm installed lies in the build tree.
const load = createRequire(path.join(process.env.TACET_NODE_MODULES, "package.json"));
const { client, xml } = load("@xmpp/client");
const parse = load("ltx").parse;

const [, , mode, name, password] = process.argv;
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

// XEP-0077, which xmpp.js leaves to its users: between the header and the login.
const register = async (xmpp) => {
  xmpp.on("open", () => {});
  const iq = xml("iq", { type: "set", id: "reg1" },
    xml("query", { xmlns: "jabber:iq:register" },
      xml("username", {}, name), xml("password", {}, password)));
  xmpp.on("element", (element) => {
    if (element.attrs.id === "reg1") {
      say(element.attrs.type === "result" ? { registered: true } : { error: element.toString() });
      process.exit(0);
    }
  });
  await xmpp.send(iq);
};

const options = { service: "xmpp://localhost:5222", domain: "localhost", resource: "xmppjs" };
if (mode === "register") {
  options.credentials = async () => { await register(xmpp); await new Promise(() => {}); };
} else {
  Object.assign(options, { username: name, password });
}
const xmpp = client(options);
xmpp.reconnect.delay = 500;
xmpp.on("error", (error) => say({ error: String(error) }));
xmpp.on("online", (jid) => say({ online: String(jid) }));
xmpp.on("offline", () => say({ offline: true }));
xmpp.on("stanza", (stanza) => say({ stanza: stanza.toString() }));
xmpp.start().catch((error) => say({ error: String(error) }));
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  xmpp.send(parse(JSON.parse(line).xml)).catch((error) => say({ error: String(error) }));
});
