"""Rows R-1 to R-12 of the fault matrix by name, with their repetitions.

`QUICK` are those of `make test`, `RELEASE` those of `make campaign`. R-4 counts each of its five
faults, R-10 each of its nine, of candles that are fetched and of days that are scanned.
"""

from __future__ import annotations

from tests.campaign.counts import Counts
from tests.campaign.r_budget import r2
from tests.campaign.r_candles import r10 as r10_candles
from tests.campaign.r_candles import r11
from tests.campaign.r_days import FAULTS, r10_days
from tests.campaign.r_fetch import r3, r6, r9
from tests.campaign.r_fuzz import r7
from tests.campaign.r_wire import r1, r4, r5, r8, r12


def r10(repeats: int, seed: int) -> Counts:
    """Every fault of candles and of days: wrong rows set aside, good ones kept."""
    found, days = r10_candles(repeats, seed), r10_days(repeats, seed)
    found.tried, found.good = found.tried + days.tried, found.good + days.good
    found.notes += days.notes
    return found


QUICK = {r1: 50, r2: 1200, r3: 50, r4: 20, r5: 10, r6: 20, r7: 500, r8: 4, r9: 20, r10: 1,
         r11: 200, r12: 10}  # fmt: skip
RELEASE = {r1: 1000, r2: 10_000, r3: 1000, r4: 200, r5: 100, r6: 200, r7: 100_000, r8: 20,
           r9: 300, r10: 50, r11: 5000, r12: 50}  # fmt: skip
# how many of what is counted one repetition is
EACH = {r4: 5, r10: 9 + len(FAULTS)}

# what a host on this machine cannot play
NOT_PLAYED = {
    "R-10, a first answer of older days that is wholly another instrument's": "with nothing stored,"
    " and no end-of-day rows, nothing to compare it with: Kite's answer names no instrument",
    "R-12, refusing live orders above 5 s": "there is no live order route; `doctor` fails there",
}
