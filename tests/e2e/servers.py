"""servers.py: real Jabber servers for the tests of the component: Prosody 0.12 and ejabberd 23.01.

Each serves the domain localhost and takes the component gw.localhost, with a directory and free loopback
ports of its own, without TLS, as the user that runs the test. What a test that fails leaves running
ends with the test.

    server = Prosody(users={"alice": "secret"}).start()      # or Ejabberd(...); of both: for kind in SERVERS
    server.client_port, server.component_port, server.secret # for clients, and for tacetd
    server.user("bob", "secret")                             # while it runs
    server.stop(); server.start(); server.kill()             # the same ports, accounts and rosters again
    server.freeze(); server.thaw()                           # SIGSTOP, SIGCONT
    server.remove()

privileges=True grants the component rosters, messages and presence (XEP-0356).
"""

import atexit
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from lib import free_port

DOMAIN, COMPONENT = "localhost", "gw.localhost"
# ejabberd has started in 1.6 s and Prosody in 0.2 s; a loaded machine takes longer.
START_S, STOP_S = 60, 20
# Longest stanza that a user may send, as both have it out of the box.
STANZA_SIZE = 262144


class Server:
    """What the two have in common."""

    running = []
    name = program = None

    def __init__(self, users=None, privileges=False, component=COMPONENT, secret="component secret"):
        self.component, self.secret, self.privileges = component, secret, privileges
        self.client_port, self.component_port = free_port(), free_port()
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"tacet-{self.name}-", dir="/tmp"))
        self.users = dict(users or {})
        self.process = None

    @classmethod
    def installed(cls):
        return shutil.which(cls.program, path=os.environ["PATH"] + ":/usr/sbin:/usr/bin") is not None

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        path = self.home / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self):
        self.write_config()
        with open(self.home / "output", "ab") as output:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            env=os.environ | self.environment(), cwd=self.home)
        Server.running.append(self)
        limit = time.monotonic() + START_S
        while not (self.listens(self.client_port) and self.listens(self.component_port) and self.ready()):
            assert self.process.poll() is None and time.monotonic() < limit, \
                f"{self.name} does not start:\n{self.log[-3000:]}\n{(self.home / 'output').read_text()[-3000:]}"
            time.sleep(0.05)
        for user, password in self.users.items():
            self.user(user, password)
        return self

    @staticmethod
    def listens(port):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            return False

    def ready(self):
        return True

    def environment(self):
        return {}

    def stop(self):
        """In order: streams get their end."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        Server.running.remove(self)

    def kill(self):
        self.process.kill()
        self.process.wait()
        Server.running.remove(self)

    def restart(self):
        self.stop()
        return self.start()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def remove(self):
        if self in Server.running:
            self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class Prosody(Server):
    name = program = "prosody"

    def write_config(self):
        modules = ["roster", "saslauth", "disco", "carbons", "ping", "blocklist", "private", "vcard4", "vcard_legacy",
                   "pep", "time", "version", "presence", "message", "iq", "offline", "register", "smacks"]
        privileges = ""
        if self.privileges:
            modules.append("privilege")
            privileges = (f'  privileged_entities = {{ ["{self.component}"] = '
                          '{ roster = "both", message = "outgoing", presence = "roster" } }\n')
        (self.home / "conf.lua").write_text(
            f'run_as_root = true\ndata_path = "{self.home}"\npidfile = "{self.home}/pid"\n'
            f'c2s_ports = {{ {self.client_port} }}\ncomponent_ports = {{ {self.component_port} }}\n'
            'interfaces = { "127.0.0.1" }\ncomponent_interfaces = { "127.0.0.1" }\n'
            f'modules_enabled = {{ {", ".join(json.dumps(m) for m in modules)} }}\n'
            'modules_disabled = { "s2s", "limits", "tls" }\nallow_unencrypted_plain_auth = true\n'
            'c2s_require_encryption = false\nauthentication = "internal_plain"\n'
            f'log = {{ info = "{self.home}/log" }}\nVirtualHost "{DOMAIN}"\n{privileges}'
            f'Component "{self.component}"\n  component_secret = "{self.secret}"\n'
            # It is the component's own that tells it what it may.
            + ('  modules_enabled = { "privilege" }\n' if self.privileges else ""))

    def command(self):
        return ["prosody", "--config", str(self.home / "conf.lua"), "-F"]

    def user(self, name, password="secret"):
        accounts = self.home / DOMAIN / "accounts"
        accounts.mkdir(parents=True, exist_ok=True)
        (accounts / f"{name}.dat").write_text(f'return {{ ["password"] = "{password}" }};\n')


class Ejabberd(Server):
    """Without ejabberdctl: Erlang starts it as a node that has no name and needs no epmd."""

    name = "ejabberd"
    program = "ejabberdctl"

    def __init__(self, *words, **settings):
        super().__init__(*words, **settings)
        self.http_port = free_port()

    def write_config(self):
        modules = {m: {} for m in ("mod_roster", "mod_disco", "mod_caps", "mod_ping", "mod_offline", "mod_carboncopy",
                                   "mod_vcard", "mod_blocking", "mod_privacy", "mod_private", "mod_time",
                                   "mod_version")}
        modules["mod_register"] = {"ip_access": "all", "access": "all"}
        modules["mod_pubsub"] = {"plugins": ["flat", "pep"]}
        if self.privileges:
            modules["mod_privilege"] = {"roster": {"both": "gw"}, "message": {"outgoing": "gw"},
                                        "presence": {"managed_entity": "gw", "roster": "gw"}}
        # YAML takes JSON.
        (self.home / "ejabberd.yml").write_text(json.dumps({
            "loglevel": "info", "log_rotate_count": 0, "hosts": [DOMAIN],
            "acl": {"gw": {"server": self.component}}, "access_rules": {"gw": {"allow": "gw"}},
            "auth_method": "internal", "auth_password_format": "plain", "registration_timeout": "infinity",
            "api_permissions": {"test": {"who": {"access": {"allow": {"ip": "127.0.0.1/8"}}}, "what": "*"}},
            "listen": [
                {"port": self.client_port, "ip": "127.0.0.1", "module": "ejabberd_c2s",
                 "max_stanza_size": STANZA_SIZE},
                {"port": self.component_port, "ip": "127.0.0.1", "module": "ejabberd_service",
                 "hosts": {self.component: {"password": self.secret}}},
                {"port": self.http_port, "ip": "127.0.0.1", "module": "ejabberd_http",
                 "request_handlers": {"/api": "mod_http_api"}}],
            "modules": modules}, indent=1))

    def command(self):
        # One scheduler: two cores are few, and waiting ones spin.
        return ["erl", "+S", "1:1", "+sbwt", "none", "-noinput", "-mnesia", "dir", f'"{self.home}/db"',
                "-s", "ejabberd"]

    def environment(self):
        return {"HOME": str(self.home), "EJABBERD_CONFIG_PATH": str(self.home / "ejabberd.yml"),
                "EJABBERD_LOG_PATH": str(self.home / "log"), "ERL_LIBS": "/usr/lib/x86_64-linux-gnu",
                "ERL_CRASH_DUMP": str(self.home / "crash.dump")}

    def api(self, command, **words):
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}/api/{command}",
                                         json.dumps(words).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def ready(self):
        return self.listens(self.http_port)

    def user(self, name, password="secret"):
        try:
            self.api("register", user=name, host=DOMAIN, password=password)
        except urllib.error.HTTPError as error:
            if error.code != 409:  # it is there already
                raise


SERVERS = (Prosody, Ejabberd)


@atexit.register
def end_all():
    for server in list(Server.running):
        server.kill()
        server.remove()


def installed():
    """Those that are installed; ends the test as skipped when none is."""
    have = [kind for kind in SERVERS if kind.installed()]
    if not have:
        print("neither prosody nor ejabberd is installed")
        sys.exit(77)
    return have
