"""Row R-10 for the days of a scan: whatever is wrong with them is set aside, and never kept."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from alphastock_cli.sandbox import spoil
from alphastock_cli.sandbox.fault_names import CANDLES
from alphastock_cli.sandbox.faults import Faults, parse
from tests.campaign.counts import Counts
from tests.unit.days_world import SESSIONS, Rows, Spoil, World, walk

_SHARES = ("SBIN", "TCS", "INFY", "RELIANCE")
_REVISED = "candle-revised"  # within the day's range: of the newest close alone a quote tells
FAULTS = tuple(name for name in CANDLES if name != _REVISED)
_CALLS = 2  # of a share in a run
_EXTRA = {"candle-duplicate", "candle-shuffle", "candle-overlap", "candle-future"}


def r10_days(repeats: int, seed: int) -> Counts:
    """Every fault of a share's days, once and for as long as it lasts, so many times each."""
    found = Counts("R-10 days", seed)
    with tempfile.TemporaryDirectory() as text:
        for name in FAULTS:
            for turn in range(repeats):
                dice = random.Random(f"{name} {seed} {turn}")
                folder = Path(text) / f"{name}{turn}"
                found.judge(good=_one(found, folder, name, dice), why=name)
    return found


def _one(found: Counts, folder: Path, name: str, dice: random.Random) -> bool:
    """Scan while one share is told wrong, once or on and on, and again when nothing is."""
    begin = dice.uniform(50, 5000)
    world = World({each: walk(f"{each}{begin}", SESSIONS, begin * dice.uniform(0.5, 2))
                   for each in _SHARES}, folder)  # fmt: skip
    share, lasting = dice.choice(_SHARES), dice.random() < 0.5
    world.spoil = _spoiler(world, name, share, dice, lasting=lasting)
    others = world.truth(*(each for each in _SHARES if each != share))
    truth = world.truth(*_SHARES)
    first, asked = world.scan()
    calls = max(map(asked.count, _SHARES))
    right = first == truth or (lasting and name not in _EXTRA and first == others)
    # what is left out is named, what is refused is told
    told = first == truth or any(f"NSE:{share}" in text for text in world.said)
    counted = sum("day rows refused" in text for text in world.said) > 0
    told &= counted is (world.rejects.height > 0)
    found.notes["day rows set aside"] += world.rejects.height
    found.notes["shares left out"] += len(truth) - len(first)
    world.spoil = lambda _, rows: rows
    second, asked = world.scan()
    calls = max(calls, *map(asked.count, _SHARES))
    kept = {each for each in asked if each in first}
    third, last = world.scan()
    return right and told and calls <= _CALLS and not kept and second == third == truth and not last


def _spoiler(world: World, name: str, share: str, dice: random.Random, *, lasting: bool) -> Spoil:
    faults, other = Faults(seed=dice.randrange(10**6)), dice.choice(_SHARES)
    faults.set(parse(name), seed=dice.randrange(10**6))
    while other == share:
        other = dice.choice(_SHARES)
    left = [10**6 if lasting else 1]

    def spoiled(asked: str, rows: Rows) -> Rows:
        if asked != share or not left[0]:
            return rows
        left[0] -= 1
        if name == "candle-wrong":
            return world.told(other)
        return spoil.candles(faults, "/instruments/historical", rows)

    return spoiled
