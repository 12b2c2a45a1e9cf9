"""What every bench prints with --json, and tests/bench/run reads: one JSON object a line, a figure each:

  {"bench": "local_hop", "name": "messages a second", "value": 41000.0, "unit": "/s",
   "reference": 12900.0, "ratio": 3.18, "target": "ratio >= 3"}

reference (None: there is none, nor a ratio) has the unit of value and was measured in the same run; target is
"ratio OP NUMBER" or "value OP NUMBER" with OP ">=" or "<=", or None. figures.h is the same for benches in C.
"""

import json


def figure(bench, name, value, unit, reference=None, target=None):
    """Print a line."""
    print(json.dumps({"bench": bench, "name": name, "value": value, "unit": unit, "reference": reference,
                      "ratio": value / reference if reference else None, "target": target}), flush=True)
