#!/usr/bin/python3
"""`tacetctl doctor` finds what is wrong, each time one thing: tor not installed, a wrong clock, all
gateways dead, one that lies, an unreadable database, a port that is taken, an expired certificate.
Only the gateway that lies is a fake."""

import datetime
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading

from lib import BUILD, NET, Daemon, main, say, wait_until

# Nobody listens there.
DEAD = "http://127.0.0.1:1"


def doctor(daemon, code):
    """The findings that are not ok, by check."""
    done = subprocess.run([str(BUILD / "tacetctl"), "-c", str(daemon.config), "--json", "doctor"],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    report = json.loads(done.stdout)
    assert report["ok"] == (code == 0)
    bad = [f for f in report["findings"] if f["state"] != "ok"]
    for finding in bad:
        assert finding["advice"], finding
        say(finding["state"], finding["check"] + ":", finding["text"])
    return bad


def only(findings, check, words, state="FAIL"):
    """That one thing failed, and nothing else."""
    failed = [f for f in findings if f["state"] == "FAIL"]
    [found] = failed if state == "FAIL" else [f for f in findings if f["check"] == check]
    assert found["check"] == check and words in found["text"] and found["state"] == state, findings


class Liar(http.server.BaseHTTPRequestHandler):
    """A gateway that takes everything and has nothing."""

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(json.dumps(value | {"id": "1"}).encode() + b"\n")

    def do_GET(self):
        self.answer(b"")

    def log_message(self, *_):
        pass


def ready(daemon):
    wait_until("tor is ready", lambda: daemon.ctl("status")["tor"]["progress"] == 100)


def healthy_and_gateways():
    daemon = Daemon("doctor").start()
    daemon.account("ann")
    ready(daemon)
    wait_until("published", lambda: daemon.ctl("status")["accounts"][0]["published"])
    assert doctor(daemon, 0) == []
    text = subprocess.run([str(BUILD / "tacetctl"), "-c", str(daemon.config), "doctor"], capture_output=True,
                          text=True, check=True).stdout
    assert "own service" in text and "ann can be dialled from outside" in text and "\033" not in text, text
    # What the daemon was told stays; doctor asks those that the configuration names now.
    liar = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=liar.serve_forever, daemon=True).start()
    good = daemon.settings["gateway"][:3]
    daemon.settings["gateway"] = [*good, f"http://127.0.0.1:{liar.server_port}"]
    daemon.write_config()
    only(doctor(daemon, 1), "gateway", f":{liar.server_port} lies")
    liar.shutdown()
    daemon.settings["gateway"] = [DEAD, "http://127.0.0.1:2"]
    daemon.write_config()
    only(doctor(daemon, 1), "gateways", "none of 2 answers")
    daemon.settings["gateway"] = [DEAD, *good]
    daemon.write_config()
    only(doctor(daemon, 0), "gateway", "does not answer", "warn")
    daemon.stop()
    return daemon


def not_running(daemon):
    """The same daemon, which has ended."""
    findings = doctor(daemon, 0)
    only(findings, "tacetd", "not running", "warn")

    program = daemon.settings["tor-program"]
    daemon.settings["tor-program"] = daemon.directory / "no-tor"
    daemon.write_config()
    only(doctor(daemon, 1), "tor program", "cannot be run")
    daemon.settings["tor-program"] = program
    daemon.write_config()

    with socket.create_server(("127.0.0.1", daemon.port)):
        only(doctor(daemon, 1), "port", f"{daemon.port}: Address already in use")

    state = daemon.directory / "state"
    database = (state / "tacet.db").read_bytes()
    (state / "tacet.db").write_bytes(os.urandom(len(database)))
    only(doctor(daemon, 1), "database", "not a database")
    (state / "tacet.db").write_bytes(database)

    os.chmod(state / "store.key", 0o644)
    only(doctor(daemon, 1), "permissions", "mode 644")
    os.chmod(state / "store.key", 0o600)

    old = datetime.datetime.now() - datetime.timedelta(days=30)
    key = daemon.directory / "old-key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=localhost",
                    "-days", "1", "-keyout", key, "-out", daemon.directory / "old.pem"],
                   check=True, capture_output=True,
                   env=os.environ | {"LD_PRELOAD": faketime(), "FAKETIME": old.strftime("%Y-%m-%d %H:%M:%S")})
    private = state / "tls/server-private.pem"
    kept = private.read_bytes()
    private.write_bytes(key.read_bytes() + (daemon.directory / "old.pem").read_bytes())
    only(doctor(daemon, 1), "certificate", "has expired")
    private.write_bytes(kept)
    assert len(doctor(daemon, 0)) == 1
    daemon.remove()


def faketime():
    """The library that faketime(1) preloads."""
    listed = subprocess.run(["faketime", "-f", "-0", "sh", "-c", "echo $LD_PRELOAD"], capture_output=True,
                            text=True, check=True)
    return listed.stdout.strip()


def wrong_clock():
    """The daemon's clock alone: tor does not bear libfaketime."""
    daemon = Daemon("clock")
    daemon.start_beside_tor()
    daemon.start(prefix=["faketime", "-f", "-1d"])
    wait_until("tor is ready, and the clock is known to be wrong",
               lambda: daemon.ctl("status")["clock"]["offset_ms"] > 0)
    findings = doctor(daemon, 1)
    assert any(f["check"] == "clock" and f["state"] == "FAIL" and "slow" in f["text"] for f in findings), findings
    daemon.stop()
    daemon.remove()


def all_of_them():
    not_running(healthy_and_gateways())
    if shutil.which("faketime"):
        wrong_clock()


main(all_of_them)
