#!/usr/bin/python3
"""A short storm (storm.py): a few hundred messages, and each kind of process killed."""

import storm

from lib import main, say


def nothing_is_lost():
    options = storm.parse(["--messages", "600", "--kills", "11", "--pace", "4"])
    say(f"seed {options.seed}")
    assert storm.run(options) == 0, f"storm.py --seed {options.seed} --messages 600 --kills 11 --pace 4"


if __name__ == "__main__":
    main(nothing_is_lost)
