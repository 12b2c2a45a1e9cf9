#!/usr/bin/python3
"""What somebody learns who sees all gateways and all exits: the attacks, and how much better than chance.

    attacker.py [LOG...]  LOG is what tests/scenario/run -l writes; without one: make it, of day.txt

$TACET_BUILD is the build tree, $TACET_SEED other seeds than 1, a day each. Several days are attacked as one
log of as many times the users, who are never there at the same time. It ends with 1 when one of LIMITS is passed:
something has become worse than deploy/doc/threat-model.md says.

The log has a line for each request ("R ms circuit gateway method key bytes values"): that is what the
attacker sees, and all of it: an upper bound for who sees less. The other lines are the truth, by which he is
judged: C circuit daemon; T key daemon search kind (which search of the daemon's it belongs to; kind c: for a
contact, d: a decoy); A ms daemon awake|asleep.

Each attack is a score for a guess. AUC is the chance that a right guess has a higher score than a wrong
one: 0.5 is chance, 1 is certainty; its interval is from resampling by user.
"""

import bisect
import collections
import os
import pathlib
import random
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# Requests that are this close, in ms, are called simultaneous; what one request takes through Tor.
CLOSE_MS = 2500
# Two circuits are compared when they are used within this of each other: an epoch's overlap.
NEAR_MS = 20 * 60 * 1000
RESAMPLES = 200
HOUR_MS = 3600 * 1000
# From one day's log to the next.
DAY_MS = 100 * HOUR_MS
# From the beginning of a pair's next epoch to the end of the last one, in the mean (rendezvous.h).
OVERLAP_MS = (900 + 213) * 1000
# The most that each attack may reach (AUC).
LIMITS = {"moments": 0.65, "preferences": 0.6, "epoch": 0.6, "sizes": 0.65, "awake": 0.65, "absent": 0.65}


class Circuit:
    def __init__(self, name):
        self.name = name
        self.times, self.puts, self.gets, self.keys, self.own = [], [], [], set(), set()
        self.found = False
        self.gateways, self.sizes = collections.Counter(), collections.Counter()

    def add(self, ms, gateway, method, key, size, values):
        self.times.append(ms)
        self.gateways[gateway] += 1
        self.sizes[method, size] += 1
        (self.puts if method == "POST" else self.gets).append(ms)
        self.keys.add(key)
        # Who reads back what he has put has found nobody.
        if method == "POST":
            self.own.add(key)
        self.found |= values > 0 and key not in self.own


class Log:
    def __init__(self):
        self.circuits, self.truth, self.states = {}, {}, collections.defaultdict(list)
        self.ends = {}
        self.days = 0

    def read(self, lines):
        """Another day."""
        begin, day = self.days * DAY_MS, f"/{self.days}"
        self.days += 1
        for line in lines:
            kind, *words = line.split()
            if kind == "R":
                ms, circuit, gateway, method, key, size, values = words
                self.circuits.setdefault(circuit, Circuit(circuit)).add(
                    begin + int(ms), gateway, method, key, int(size), int(values))
                self.ends[day] = begin + int(ms)
            elif kind == "T":
                key, daemon, search, what = words
                # A key has two users; the one who asks is told by the circuit.
                self.truth[daemon + day, key] = (daemon + day, search, what)
            elif kind == "A":
                ms, daemon, state = words
                self.states[daemon + day].append((begin + int(ms), state))
            elif kind == "C":
                circuit, daemon = words
                self.truth[circuit] = daemon + day

    def judge(self):
        """All is read: who is who?"""
        for circuit in self.circuits.values():
            circuit.daemon = self.truth[circuit.name]
            owners = [self.truth[circuit.daemon, key] for key in circuit.keys]
            circuit.search, circuit.kind = owners[0][1:]
            circuit.mixed = len({o[1] for o in owners}) > 1
            circuit.log_end = self.ends["/" + circuit.daemon.split("/")[1]]

    def strangers(self):
        """Pairs of circuits of about the same time that are not of one search."""
        circuits = sorted(self.circuits.values(), key=lambda c: c.times[0])
        for i, a in enumerate(circuits):
            for b in reversed(circuits[:i]):
                # None lives for longer.
                if a.times[0] - b.times[0] > 2 * HOUR_MS + NEAR_MS:
                    break
                if near(a, b) and (a.daemon, a.search) != (b.daemon, b.search):
                    yield a, b


def wins(guesses):
    """{(u, v): how often a right guess of u beats a wrong one of v}, {u: right ones}, {u: wrong ones}."""
    rights = {u: [score for score, right in g if right] for u, g in guesses.items()}
    wrongs = {u: sorted(score for score, right in g if not right) for u, g in guesses.items()}
    won = {(u, v): sum(bisect.bisect_left(wrong, s) + bisect.bisect_right(wrong, s) for s in rights[u]) / 2
           for u in guesses for v, wrong in wrongs.items()}
    return won, {u: len(x) for u, x in rights.items()}, {u: len(x) for u, x in wrongs.items()}


def auc(won, rights, wrongs, users):
    """users: with how often each of them counts."""
    right, wrong = (sum(n * count[u] for u, n in users.items()) for count in (rights, wrongs))
    if not right or not wrong:
        return None
    return sum(n * m * won[u, v] for u, n in users.items() for v, m in users.items()) / right / wrong


def report(name, guesses, rng, note=""):
    """guesses: {user: [(score, right?)]}."""
    users = sorted(guesses)
    table = wins(guesses)
    value = auc(*table, dict.fromkeys(users, 1))
    if value is None:
        print(f"{name:44} no case")
        return None
    samples = [auc(*table, collections.Counter(rng.choice(users) for _ in users)) for _ in range(RESAMPLES)]
    samples = sorted(s for s in samples if s is not None)
    low, high = samples[len(samples) // 40], samples[-1 - len(samples) // 40]
    count = sum(len(g) for g in guesses.values())
    verdict = "beats chance" if low > 0.5 else "chance" if high >= 0.5 else "worse than chance"
    print(f"{name:44} AUC {value:.2f} ({low:.2f} to {high:.2f}, {count} guesses): {verdict}{note}", flush=True)
    return value


def coincidences(a, b, close):
    """How many of the moments in a have one of b within close ms."""
    hits = 0
    for t in a:
        at = bisect.bisect_left(b, t - close)
        hits += at < len(b) and b[at] <= t + close
    return hits


def near(a, b):
    return a.times[0] < b.times[-1] + NEAR_MS and b.times[0] < a.times[-1] + NEAR_MS


def cluster(log, rng):
    """Are two circuits of one user? They are, if they do something at the same moments."""
    guesses = collections.defaultdict(list)
    for a, b in log.strangers():
        score = coincidences(a.times, b.times, CLOSE_MS) / (len(a.times) + 1)
        guesses[a.daemon].append((score, a.daemon == b.daemon))
    return report("same user, by simultaneous requests", guesses, rng)


def begins(log, rng):
    """Are two circuits of one user? They are, if they begin at the same moment, as when a daemon starts."""
    guesses = collections.defaultdict(list)
    for a, b in log.strangers():
        guesses[a.daemon].append((-abs(a.times[0] - b.times[0]), a.daemon == b.daemon))
    together = [right for g in guesses.values() for score, right in g if score > -CLOSE_MS]
    note = f"; of {len(together)} that begin within {CLOSE_MS / 1000} s, {sum(together)} are"
    return report("same user, by the circuits' beginnings", guesses, rng, note)


def ends(log, rng):
    """Are two circuits of one user? They are, if they fall silent together, as when a daemon stops or all its
    contacts are linked. What ends with the log does not count."""
    guesses = collections.defaultdict(list)
    for a, b in log.strangers():
        if max(a.times[-1], b.times[-1]) < a.log_end - NEAR_MS:
            guesses[a.daemon].append((-abs(a.times[-1] - b.times[-1]), a.daemon == b.daemon))
    return report("same user, by the circuits' ends", guesses, rng)


def outages(log, rng):
    """Are two circuits of one user? They are, if both are silent, for longer than they ever are else, at the
    same time, and go on, as when a machine's network is gone."""
    guesses = collections.defaultdict(list)
    gaps = {c.name: max(((b - a, a) for a, b in zip(c.times, c.times[1:])), default=(0, 0))
            for c in log.circuits.values()}
    for a, b in log.strangers():
        score = -abs(gaps[a.name][1] - gaps[b.name][1]) - abs(gaps[a.name][0] - gaps[b.name][0])
        guesses[a.daemon].append((score, a.daemon == b.daemon))
    return report("same user, by the longest silence", guesses, rng)


def alike(a, b):
    """The cosine of two counters."""
    dot = sum(n * b[x] for x, n in a.items())
    return dot / (sum(n * n for n in a.values()) * sum(n * n for n in b.values())) ** 0.5


def preferences(log, rng):
    """Are two circuits of one user? They are, if they prefer the same gateways: a daemon keeps scores."""
    guesses = collections.defaultdict(list)
    for a, b in log.strangers():
        if min(len(a.times), len(b.times)) > 20:
            guesses[a.daemon].append((alike(a.gateways, b.gateways), a.daemon == b.daemon))
    return report("same user, by the gateways that are asked", guesses, rng)


def link_epochs(log, rng, name, score):
    """Is b the same pair's circuit in the next epoch? It begins while a still lives; the rest score(a, b) says."""
    guesses = collections.defaultdict(list)
    best = chance = cases = 0
    circuits = sorted(log.circuits.values(), key=lambda c: c.times[0])
    begins_ms = [c.times[0] for c in circuits]
    for a in circuits:
        first = bisect.bisect_right(begins_ms, max(a.times[0] + HOUR_MS / 6, a.times[-1] - NEAR_MS))
        last = bisect.bisect_left(begins_ms, a.times[-1] + NEAR_MS)
        candidates = [b for b in circuits[first:last] if b is not a and not b.keys & a.keys]
        true = [b for b in candidates if (b.daemon, b.search) == (a.daemon, a.search)]
        if not true:
            continue
        scores = {b.name: score(a, b) for b in candidates}
        for b in candidates:
            guesses[a.daemon].append((scores[b.name], b in true))
        top = max(scores.values())
        tops = [b for b in candidates if scores[b.name] == top]
        best += sum(b in true for b in tops) / len(tops)
        chance += len(true) / len(candidates)
        cases += 1
    note = f"; the best guess is right in {100 * best / max(cases, 1):.0f} %, by chance in " \
           f"{100 * chance / max(cases, 1):.0f} %"
    return report(name, guesses, rng, note)


def act_at_once(a, b):
    return max(coincidences(a.puts, b.puts, CLOSE_MS), coincidences(a.gets, b.gets, CLOSE_MS)) \
        / (1 + min(len(a.times), len(b.times)))


def overlap(a, b):
    return -abs(a.times[-1] - b.times[0] - OVERLAP_MS)


def same_sizes(a, b):
    return alike(a.sizes, b.sizes)


def phases(log, rng):
    """Do the moments of publication go on in the same rhythm over the edge of an epoch?"""
    guesses = collections.defaultdict(list)
    circuits = sorted((c for c in log.circuits.values() if len(c.puts) > 2), key=lambda c: c.times[0])
    for a in circuits:
        candidates = [b for b in circuits if a.puts[0] < b.puts[0] < a.puts[-1] + NEAR_MS
                      and b.puts[-1] > a.puts[-1] and not b.keys & a.keys]
        true = [b for b in candidates if (b.daemon, b.search) == (a.daemon, a.search)]
        for b in candidates if true else []:
            after = b.puts[bisect.bisect_right(b.puts, a.puts[-1])]
            off = abs((after - a.puts[-1]) - 7 * 60000)
            guesses[a.daemon].append((-off, b in true))
    return report("next epoch, by the rhythm of publications", guesses, rng)


def count_contacts(log, rng):
    """The first burst of a user (an oracle tells which are his) has as many pairs as he has contacts?"""
    first, real = collections.defaultdict(set), collections.defaultdict(set)
    begins = {}
    for c in sorted(log.circuits.values(), key=lambda c: c.times[0]):
        begins.setdefault(c.daemon, c.times[0])
        if c.times[0] < begins[c.daemon] + 5000:
            first[c.daemon].add(c.name)
        # A process that is started again has searches of its own.
        if c.times[0] < begins[c.daemon] + 60000 and c.kind == "c":
            real[c.daemon].add(c.search)
    users = sorted(first)
    contacts = {u: len(real[u]) for u in users}
    middle = sorted(contacts.values())[len(users) // 2]
    burst = sum(abs(len(first[u]) - contacts[u]) for u in users) / len(users)
    constant = sum(abs(middle - contacts[u]) for u in users) / len(users)
    # Within the users of one power of two nothing is to be told: do bigger bursts mean more contacts there?
    guesses = collections.defaultdict(list)
    for u in users:
        for v in users:
            if contacts[u] > contacts[v] and max(4, 1 << (contacts[u] - 1).bit_length()) == \
                    max(4, 1 << (contacts[v] - 1).bit_length()):
                guesses[u] += [(len(first[u]), True), (len(first[v]), False)]
    print(f"{'contacts, by the size of the first burst':44} mean error {burst:.1f}; of always guessing "
          f"{middle}: {constant:.1f}")
    return report("more contacts, within a power of two", guesses, rng)


def awake(log, rng):
    """Are there more requests in hours in which the user is awake? An oracle tells which are his."""
    guesses = collections.defaultdict(list)
    per_hour = collections.Counter((c.daemon, t // HOUR_MS) for c in log.circuits.values() for t in c.times)
    for daemon, states in log.states.items():
        last = log.ends["/" + daemon.split("/")[1]] // HOUR_MS
        began = min(c.times[0] for c in log.circuits.values() if c.daemon == daemon) // HOUR_MS
        for hour in range(began + 1, last):
            state = [s for ms, s in states if ms <= hour * HOUR_MS][-1:]
            # Hours in which it changes do not count.
            if state and not any(hour * HOUR_MS < ms < (hour + 1) * HOUR_MS for ms, _ in states):
                guesses[daemon].append((per_hour[daemon, hour], state == ["awake"]))
    return report("awake or asleep, by requests an hour", guesses, rng)


def decoys(log, rng):
    """Which of a user's circuits are decoys'? Contacts are found sooner or later; decoys never."""
    found, alike = collections.defaultdict(list), collections.defaultdict(list)
    ever = {}
    for c in log.circuits.values():
        if not c.mixed:
            ever[c.daemon, c.search] = ever.get((c.daemon, c.search), False) or c.found
    for c in log.circuits.values():
        if c.mixed:
            continue
        found[c.daemon].append((not c.found, c.kind == "d"))
        # Of those who are never there: is anything else about them?
        if not ever[c.daemon, c.search]:
            alike[c.daemon].append((len(c.times), c.kind == "d"))
    report("decoy, by never being answered", found, rng)
    return report("decoy or absent contact, by requests", alike, rng)


def make_log(path, seed):
    build = pathlib.Path(os.environ.get("TACET_BUILD", os.environ.get("top_builddir", "build")))
    subprocess.run([str(build / "tests/scenario/run"), "-s", seed, "-l", path, str(HERE / "day.txt")],
                   check=True, stdout=subprocess.DEVNULL)


def read_log(log, path):
    with open(path, encoding="ascii") as lines:
        log.read(lines)


def main():
    rng = random.Random(1)
    log = Log()
    for path in sys.argv[1:]:
        read_log(log, path)
    for seed in os.environ.get("TACET_SEED", "1").split() if len(sys.argv) == 1 else []:
        with tempfile.NamedTemporaryFile(mode="r", suffix=".log") as made:
            make_log(made.name, seed)
            read_log(log, made.name)
    log.judge()
    users = {c.daemon for c in log.circuits.values()}
    print(f"{sum(len(c.times) for c in log.circuits.values())} requests on {len(log.circuits)} circuits by {len(users)} users")
    results = {
        "moments": cluster(log, rng),
        "begins": begins(log, rng),
        "ends": ends(log, rng),
        "outages": outages(log, rng),
        "preferences": preferences(log, rng),
        "epoch": link_epochs(log, rng, "next epoch, by simultaneous requests", act_at_once),
        "overlap": link_epochs(log, rng, "next epoch, by its beginning before the end", overlap),
        "sizes": link_epochs(log, rng, "next epoch, by the sizes of answers", same_sizes),
        "rhythm": phases(log, rng),
        "contacts": count_contacts(log, rng),
        "awake": awake(log, rng),
        "absent": decoys(log, rng),
    }
    passed = [name for name, limit in LIMITS.items() if results[name] is None or results[name] > limit]
    print("above the limit: " + " ".join(passed) if passed else "within the limits")
    return 1 if passed else 0


if __name__ == "__main__":
    sys.exit(main())
