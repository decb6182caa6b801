"""One process that calls within Kite's budget, for the tests that need several of them.

python -m tests.unit.kite_calls FOLDER CLASS CALLS SECONDS COUNT LOG [HOLD]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from alphastock_cli.bootstrap import SystemClock
from alphastock_cli.providers.kite.budget import Budget
from alphastock_cli.providers.kite.facts import Limit


def main(words: list[str]) -> None:
    folder, name, calls, seconds, count, log = words[:6]
    hold = float(words[6]) if len(words) > 6 else 0.0
    limits = {name: (Limit(int(calls), float(seconds)),)}
    budget = Budget(Path(folder), "key", SystemClock(), windows=limits, life=2.0)
    with Path(log).open("a", buffering=1) as out:
        for _ in range(int(count)):
            with budget.call(name):
                begun = time.monotonic()
                time.sleep(hold)
                out.write(f"{begun!r} {time.monotonic()!r}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
