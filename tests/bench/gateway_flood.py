#!/usr/bin/python3
"""Two users of the gateway behind a real Prosody talk, while a third is flooded from the network, and while a third
floods the gateway: their round trip (a message and its answer, through tor) against the same without a flood, in
the same run.

usage: gateway_flood.py [--json]      (the numbers are said anyway; --json says them for tests/bench/run)

Needs Prosody, $TACET_TESTNET and $TACET_BUILD; $TACET_FLOOD messages and stanzas, 10,000 by default.
"""

import asyncio
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
os.environ.setdefault("TACET_FLOOD", "10000")
from figures import figure  # noqa: E402
from test_gateway_flood import FLOOD, floods  # noqa: E402


def main():
    ms = asyncio.run(floods())
    if "--json" not in sys.argv:
        return
    figure("gateway_flood", f"round trip, another gets {FLOOD} messages", ms["flooded"], "ms", ms["quiet"])
    figure("gateway_flood", f"round trip, another sends {FLOOD} stanzas", ms["flooding"], "ms", ms["quiet"])
    figure("gateway_flood", "round trip afterwards", ms["afterwards"], "ms", ms["quiet"], "ratio <= 1.5")


if __name__ == "__main__":
    main()
