"""xmpp.js, the library for JavaScript, in node; xmppjs/client.js passes on what is said here."""

import json
import shutil
import subprocess
import threading

from driver import ANN_STATUS, OWN_STATUS, Driver
from world import PASSWORD, TOP, lib

HERE = TOP / "tests" / "clients" / "xmppjs"
MODULES = (lib.BUILD / "clients").resolve()


class XmppJs(Driver):
    name = "xmpp.js"
    login = ("A library: `client({service: \"xmpp://localhost:5222\", username, password})`, with "
             "`NODE_EXTRA_CA_CERTS=…/tls/ca.crt`.")
    process = None

    @classmethod
    def prepare(cls):
        """npm's part, done where there is a network."""
        if cls.version() is None and shutil.which("npm"):
            MODULES.mkdir(parents=True, exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                (MODULES / name).write_bytes((HERE / name).read_bytes())
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(MODULES)],
                           stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120)

    @classmethod
    def version(cls):
        if not shutil.which("node"):
            return None
        try:
            return json.loads((MODULES / "node_modules/@xmpp/client/package.json").read_text())["version"]
        except OSError:
            return None

    def start(self, mode):
        ca = self.world.here.directory / "state" / "tls" / "ca.crt"
        self.process = subprocess.Popen(
            ["node", str(HERE / "client.js"), mode, self.user, PASSWORD], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
            env=dict(self.environment, NODE_EXTRA_CA_CERTS=str(ca), TACET_NODE_MODULES=str(MODULES)))
        self.lines = []
        threading.Thread(target=self.read, args=[self.process.stdout], daemon=True).start()

    def read(self, out):
        for line in out:
            self.lines.append(line.strip())

    def until_line(self, *parts):
        """A line that has come since the last one waited for and holds all the parts."""
        def there():
            return any(all(p in line for p in parts) for line in self.lines)
        try:
            self.world.until(f"xmpp.js says {parts}", there)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n" + "\n".join(self.lines)) from None
        self.lines = []

    def send(self, xml):
        self.process.stdin.write(json.dumps({"xml": xml}) + "\n")

    def registers(self):
        self.start("register")
        self.until_line("registered")
        self.process.wait(10)

    def logs_in(self):
        self.start("login")
        self.until_line('"online"')
        self.send("<presence/>")

    def adds(self):
        self.send(f"<iq type='set' id='r1'><query xmlns='jabber:iq:roster'><item jid='{self.world.ann_jid}' "
                  "name='Ann'/></query></iq>")
        self.until_line("r1", "result")
        self.send(f"<presence type='subscribe' to='{self.world.ann_jid}'/>")
        self.until_line("<presence", self.world.ann_id)
        self.until_linked()

    def sees(self):
        self.until_line("<presence", self.world.ann_id, ANN_STATUS)

    def shows(self):
        self.send(f"<presence><show>dnd</show><status>{OWN_STATUS}</status></presence>")
        self.until_shown("dnd", OWN_STATUS)

    def gets(self, text):
        self.until_line("<message", text)

    def sends(self, text):
        self.send(f"<message type='chat' id='m1' to='{self.world.ann_jid}'><body>{text}</body>"
                  "<request xmlns='urn:xmpp:receipts'/></message>")

    def receipts(self):
        self.until_line("<received", "m1")
        self.send(f"<message to='{self.world.ann_jid}'><received xmlns='urn:xmpp:receipts' "
                  f"id='{self.number}'/></message>")
        self.until_receipt(self.number)

    def comes_back(self):
        self.until_line('"online"')
        self.send("<presence/>")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
