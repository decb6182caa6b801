"""Option mathematics: pure functions on numpy arrays; no clock, no disk, no market.

The names below are the public ones; the forward an option stands on is found in `forward`. The
name `implied_vol` is the function, so import from the module of that name, never the module.
"""

from __future__ import annotations

from alphastock_cli.pricing.black76 import Greeks, greeks, price
from alphastock_cli.pricing.implied_vol import STATUS, implied_vol, implied_vol_with_status, words

__all__ = [
    "STATUS",
    "Greeks",
    "greeks",
    "implied_vol",
    "implied_vol_with_status",
    "price",
    "words",
]
