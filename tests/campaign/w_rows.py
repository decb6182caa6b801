"""Rows W-1 to W-10 of the fault matrix, in simulated time against a scripted server.

A part of W-10 is in real time, against the sandbox.

Each is a plain function of repetitions and seed. `QUICK` are the repetitions of `make test`,
`RELEASE` those of a campaign: `ALPHASTOCK_CAMPAIGN=release pytest tests/campaign`, or a number that
multiplies the quick ones; `ALPHASTOCK_CAMPAIGN_SEED` is another seed.
"""

from __future__ import annotations

from tests.campaign.w_breaks import w1
from tests.campaign.w_clocks import w7
from tests.campaign.w_connection import w3, w8
from tests.campaign.w_orders import w10
from tests.campaign.w_prices import w6
from tests.campaign.w_repeats import w5
from tests.campaign.w_silence import w2
from tests.campaign.w_ticks import w4, w9

QUICK = {w1: 20, w2: 10, w3: 10, w4: 2000, w5: 500, w6: 100, w7: 20, w8: 10, w9: 60, w10: 100}
RELEASE = {
    w1: 500, w2: 200, w3: 100, w4: 1_000_000, w5: 20_000, w6: 2000, w7: 500, w8: 50, w9: 600,
    w10: 5000,
}  # fmt: skip
