"""Rows R-1 to R-12 of the fault matrix by name, with their repetitions.

`QUICK` are those of `make test`, `RELEASE` those of `make campaign`. R-4 counts each of its five
faults, R-10 each of its eight.
"""

from __future__ import annotations

from tests.campaign.r_budget import r2
from tests.campaign.r_candles import r10, r11
from tests.campaign.r_fetch import r3, r6, r9
from tests.campaign.r_fuzz import r7
from tests.campaign.r_wire import r1, r4, r5, r8, r12

QUICK = {r1: 50, r2: 1200, r3: 50, r4: 20, r5: 10, r6: 20, r7: 500, r8: 2, r9: 20, r10: 1,
         r11: 200, r12: 10}  # fmt: skip
RELEASE = {r1: 1000, r2: 10_000, r3: 1000, r4: 200, r5: 100, r6: 200, r7: 100_000, r8: 20,
           r9: 300, r10: 50, r11: 5000, r12: 50}  # fmt: skip
# how many of what is counted one repetition is
EACH = {r4: 5, r10: 8}

# what a host on this machine cannot play
NOT_PLAYED = {
    "R-10, an answer that is wholly another instrument's": "its candles are as good as the right"
    " ones; nothing in Kite's answer names the instrument",
    "R-12, refusing live orders above 5 s": "there is no live order route; `doctor` fails there",
}
