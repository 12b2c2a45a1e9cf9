#!/usr/bin/python3
"""The daemon opens no connection but to tor's sockets, listens on loopback only, resolves no name.

Its system calls are traced from start to end, through a whole first contact with messages.
"""

import re
import shutil

from lib import Client, Pair, main, say


def network_calls(trace):
    """(call, arguments) of tacetd itself; the tor that it starts is another program."""
    tor, calls = set(), []
    for line in trace.read_text().splitlines():
        match = re.match(r"(\d+)\s+(\w+)\((.*)", line)
        if not match:
            continue
        pid, call, arguments = match.groups()
        if call == "execve" and "/tor\"" in arguments and "ENOENT" not in arguments:
            tor.add(pid)
        elif pid not in tor and call != "execve":
            calls.append((call, arguments))
    return tor, calls


async def only_tor_and_its_own_sockets():
    pair = Pair()
    trace = pair.alice.directory / "trace"
    state = str(pair.alice.directory / "state")
    port = pair.alice.port
    strace = [shutil.which("strace"), "-f", "-qq", "-o", str(trace), "-e",
              "trace=execve,connect,bind,sendto,sendmsg,openat"]
    plain = pair.alice.start
    pair.alice.start = lambda: plain(strace)
    pair.start()
    try:
        alice = await Client(pair.alice, "alice").login()
        bob = await Client(pair.bob, "bob").login()
        await alice.until("sees bob", lambda: alice.sees(pair.bob_id))
        await bob.until("sees alice", lambda: bob.sees(pair.alice_id))
        alice.say_to(pair.bob_id, "traced")
        await bob.until("gets a message", lambda: bob.messages)
        await alice.logout()
        await bob.logout()
        pair.alice.stop()
        tor, calls = network_calls(trace)
        assert tor, "tor's start was not seen: the trace is not what this test thinks"
        connects = [a for call, a in calls if call == "connect"]
        assert connects, "no connect() was seen: the trace is not what this test thinks"
        for arguments in connects:
            assert f'sun_path="{state}/' in arguments, f"connect({arguments}"
        binds = [a for call, a in calls if call == "bind"]
        for arguments in binds:
            assert f'sun_path="{state}/' in arguments or \
                (f"htons({port})" in arguments and '"127.0.0.1"' in arguments), f"bind({arguments}"
        for call, arguments in calls:
            if call in ("sendto", "sendmsg"):
                assert "AF_INET" not in arguments and "AF_NETLINK" not in arguments, f"{call}({arguments}"
            if call == "openat":
                for file in ("resolv.conf", "nsswitch.conf", "/etc/hosts"):
                    assert file not in arguments, f"a name is resolved: {call}({arguments}"
        say(f"{len(connects)} connections, all to tor's sockets; {len(binds)} sockets bound, none to the outside")
    finally:
        pair.stop()


if __name__ == "__main__":
    main(only_tor_and_its_own_sockets)
