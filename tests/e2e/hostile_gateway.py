"""hostile_gateway.py: a gateway in front of a real one, that does as its mood says, and counts.

Moods: lie (takes and drops, has nothing), drop (never answers), delay (up to 60 s), flip (a bit of each
value), replay (the oldest values it has seen, of any key), flood (10,000 values of up to 64 kB, then the
truth), endless (a line without end), slow (a byte each half second), half (half of the truth), error.
mixed: each time another of these. keys, which is not among them: lie, and put 10,000 values under each key
that is heard of, at the real one, for all of its network to see.
"""

import base64
import http.client
import http.server
import json
import random
import secrets
import threading
import time
import urllib.request

MOODS = ("lie", "drop", "delay", "flip", "replay", "flood", "endless", "slow", "half", "error")
FLOOD = 10000
DELAY_S = 60


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def truth(self, body=None):
        """What the gateway behind says."""
        request = urllib.request.Request(self.server.behind + self.path, body,
                                         {"Content-Type": "application/json"} if body else {})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read()

    def head(self, status=200, length=None):
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def say(self, data):
        self.server.sent += len(data)
        self.wfile.write(data)

    def answer(self, body=None):
        server = self.server
        mood = random.choice(MOODS) if server.mood == "mixed" else server.mood
        with server.lock:
            server.seen[mood] = server.seen.get(mood, 0) + 1
            if body:
                server.loot.append(body)
        try:
            getattr(self, "do_" + mood)(body)
        except OSError:
            pass  # the other end has had enough: that is what it should do

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer(self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 65536)))

    def do_lie(self, body):
        self.head(length=len(body or b""))
        self.say(body or b"")

    def do_keys(self, body):
        self.server.flood_key(self.path)
        self.do_lie(body)

    def do_drop(self, _):
        time.sleep(DELAY_S)
        self.close_connection = True

    def do_delay(self, body):
        time.sleep(random.uniform(0, DELAY_S))
        self.do_truth(body)

    def do_truth(self, body):
        data = self.truth(body)
        self.head(length=len(data))
        self.say(data)

    def do_flip(self, body):
        out = b""
        for line in self.truth(body).splitlines():
            data = bytearray(base64.b64decode(json.loads(line)["data"]))
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
            out += value(data)
        self.head(length=len(out))
        self.say(out)

    def do_replay(self, body):
        with self.server.lock:
            loot = self.server.loot[:14]
        self.do_lie(body or b"".join(one + b"\n" for one in loot))

    def do_flood(self, body):
        self.head()
        junk = [value(secrets.token_bytes(random.choice((512, 512, 512, 100, 4096, 65536)))) for _ in range(50)]
        for i in range(FLOOD):
            self.say(junk[i % len(junk)])
        self.say(self.truth(body))

    def do_endless(self, _):
        self.head()
        while True:
            self.say(b"x" * 65536)

    def do_slow(self, _):
        self.head(length=100000)
        while True:
            self.say(b"{")
            time.sleep(0.5)

    def do_half(self, body):
        data = self.truth(body)
        self.head(length=max(len(data), 100))
        self.say(data[:len(data) // 2])

    def do_error(self, _):
        self.head(500, 0)


def value(data):
    return json.dumps({"data": base64.b64encode(data).decode(), "id": str(random.getrandbits(63)),
                       "type": 0}).encode() + b"\n"


class Gateway(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behind, mood):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind, self.mood = behind, mood
        self.lock = threading.Lock()
        self.seen, self.loot, self.sent, self.flooded = {}, [], 0, set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def flood_key(self, path):
        with self.lock:
            known = path in self.flooded
            self.flooded.add(path)
        if not known:
            threading.Thread(target=self.put_flood, args=(path,), daemon=True).start()

    def put_flood(self, path):
        connection = http.client.HTTPConnection(self.behind.split("//")[1], timeout=60)
        for _ in range(FLOOD):
            connection.request("POST", path, value(secrets.token_bytes(512)), {"Content-Type": "application/json"})
            connection.getresponse().read()

    def handle_error(self, *_):
        pass
