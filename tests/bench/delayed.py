"""A private Tor network with a delay between its processes, for the time of one bench: made, entered, removed.

The network lives in a network namespace (deploy/testnet), which this process enters: so everything that a bench
starts is in it, too. As root. lib.py is to be imported within, since it asks for $TACET_TESTNET."""

import contextlib
import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile

TESTNET = pathlib.Path(__file__).resolve().parents[2] / "deploy/testnet/testnet"
CLONE_NEWNET = 0x40000000


def enter(namespace):
    """This process, and those that it starts from now on."""
    handle = os.open(namespace, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(handle)


@contextlib.contextmanager
def network(delay_ms):
    """0: that of $TACET_TESTNET, as it is."""
    if not delay_ms:
        yield
        return
    home = tempfile.mkdtemp(prefix="tacet-net-", dir="/tmp")
    name = pathlib.Path(home).name
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)
    words = [str(TESTNET), "start", f"{home}/net", "--delay", str(delay_ms), "--netns", name]
    subprocess.run(words, check=True, stdout=sys.stderr)
    try:
        enter(f"/run/netns/{name}")
        os.environ["TACET_TESTNET"] = f"{home}/net"
        yield
    finally:
        ctypes.CDLL(None).setns(outside, CLONE_NEWNET)
        subprocess.run([str(TESTNET), "stop", f"{home}/net"], check=False)
        subprocess.run(["rm", "-rf", home], check=False)
