"""Rows R-10 and R-11: candles that are wrong, under way or revised, and what is made of them."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

from alphastock_cli.actions.fetch_history import fetch_history
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import PartlyDone
from alphastock_cli.exchange import calendar
from alphastock_cli.sandbox import spoil
from alphastock_cli.sandbox.fault_names import CANDLES
from alphastock_cli.sandbox.faults import Faults, parse
from tests.campaign.counts import Counts
from tests.campaign.market import (
    FIRST,
    INTERVAL,
    LAST,
    NOW,
    REQUEST,
    SHARES,
    STEP,
    Call,
    MarketHost,
    Stage,
    expected,
    market,
    named,
    opened,
    stored,
    truth,
)
from tests.conftest import IST, ManualClock
from tests.unit.kite_host import Answer, good, store_login

# -- R-10 ----------------------------------------------------------------------------------------

# what is refused of each fault; the others leave only good rows, or none that can be told
_REASONS = {
    "candle-high-low": "low, open, close and high contradict each other",
    "candle-volume": "the volume is no whole number from 0",
    "candle-x100": "ten times off the prices beside it",
    "candle-overlap": "outside the days asked for",
    "candle-future": "outside the days asked for",
}
Seen = list[list[list[object]]]
WRONG = "candle-wrong"
ODD = ("candle-gap", "candle-duplicate", "candle-shuffle", *_REASONS)


def r10(repeats: int, seed: int) -> Counts:
    """Every fault of candles, so many times each: wrong rows set aside, good ones kept."""
    assert {*ODD, WRONG, "candle-revised"} == set(CANDLES)
    found, clock = Counts("R-10", seed), ManualClock(NOW)
    with market(clock) as host, tempfile.TemporaryDirectory() as text:
        for name in ODD:
            for turn in range(repeats):
                host.spoil = _spoiler(name, seed * 1000 + turn, seen := [])
                folder = Path(text) / f"{name}{turn}"
                stage = Stage(found, host, clock, random.Random(seed))
                found.judge(good=_one_odd(stage, folder, name, seen), why=name)
        host.spoil = lambda rows: rows
        for turn in range(repeats):
            dice = random.Random(f"{seed} {turn}")
            stage = Stage(found, host, clock, dice)
            found.judge(good=_one_wrong(stage, Path(text) / f"wrong{turn}"), why=WRONG)
    return found


def _one_wrong(stage: Stage[MarketHost], folder: Path) -> bool:
    """Let one call of a second fetch be answered with the candles of another share."""
    found, host, clock, dice = stage.found, stage.host, stage.clock, stage.dice
    kite, lake = opened(folder, host, clock, dice.random)
    days = calendar.sessions(calendar.Segment.EQUITY, FIRST, LAST)
    until = dice.choice(days[1:-1])
    fetch_history(kite, lake, clock, replace(REQUEST, last=until))
    before = stored(lake)
    meant, told = dice.sample(SHARES, 2)

    def another(call: Call) -> Answer | None:
        rows = truth(told, call.first, min(call.last, clock.now()))
        return good({"candles": rows}) if call.symbol == meant else None

    host.fault, asked = another, len(host.calls)
    try:
        fetch_history(kite, lake, clock, REQUEST)
    except PartlyDone as error:
        refused = error.exit_code == 75 and f"not the candles of {meant}" in error.what
    else:
        refused = False
    host.fault = lambda _: None
    kept = {key: row for key, row in before.items() if key[0] == meant}
    others = expected([name for name in SHARES if name != meant])
    whole = stored(lake) == kept | others and len(host.calls) - asked == len(SHARES)
    rejects = lake.scan("rejects").collect()
    reasons = set(rejects["reason"]) == {f"not the candles of {meant} that are stored"}
    found.notes["rows set aside"] += rejects.height
    found.notes["rows kept"] += len(kept) + len(others)
    fetch_history(kite, lake, clock, REQUEST)
    kite.connection.close()
    return refused and whole and reasons and stored(lake) == expected(SHARES)


def _spoiler(name: str, seed: int, seen: Seen) -> Callable[..., object]:
    faults = Faults(seed=seed)
    faults.set(parse(name), seed=seed)

    def spoiled(rows: list[list[object]]) -> list[list[object]]:
        seen.append(spoil.candles(faults, "/instruments/historical", rows))
        return seen[-1]

    return spoiled


def _one_odd(stage: Stage[MarketHost], folder: Path, name: str, seen: Seen) -> bool:
    found, clock = stage.found, stage.clock
    kite, lake = opened(folder, stage.host, clock, stage.dice.random)
    done = fetch_history(kite, lake, clock, named("SBIN"))
    kite.connection.close()
    sent = {(row[0], *row[1:]) for row in seen[0]}
    true = expected(["SBIN"])
    right = {("SBIN", datetime.fromisoformat(str(row[0]))): row[1:] for row in sent}
    fine = {key: row for key, row in true.items() if right.get(key) == tuple(row)}
    rejects = lake.scan("rejects").collect() if lake.files("rejects") else None
    reasons = Counter(rejects["reason"]) if rejects is not None else Counter()
    found.notes["rows set aside"] += sum(reasons.values())
    found.notes["rows kept"] += len(fine)
    wanted = _REASONS.get(name)
    wrong = len(sent) - len(fine)
    told = reasons == ({wanted: wrong} if wanted else {})
    return stored(lake) == fine and told and done.summary["rejected"] == wrong


# -- R-11 ----------------------------------------------------------------------------------------


def r11(repeats: int, seed: int) -> Counts:
    """At any second of the day: no candle that is under way is used, and a revision is told."""
    found, dice, clock = Counts("R-11", seed), random.Random(seed), ManualClock(NOW)
    with market(clock) as host, tempfile.TemporaryDirectory() as text:
        days = calendar.sessions(calendar.Segment.EQUITY, FIRST, LAST)
        for turn in range(repeats):
            second = dice.choice([dice.randrange(0, 25_000), dice.randrange(7) * 3600 + 15])
            at = datetime.combine(dice.choice(days), time(9, 15), IST)
            clock._now = at + timedelta(seconds=second + dice.randint(-1, 1))
            folder = Path(text) / str(clock.now().date())
            if turn % 20:
                found.judge(good=_only_final(found, host, clock, folder), why="not final")
            else:
                good = _revised(host, clock, Path(text) / f"lake{turn}", dice)
                found.judge(good=good, why="revision")
                found.notes["revisions"] += 1
    return found


def _only_final(found: Counts, host: MarketHost, clock: ManualClock, folder: Path) -> bool:
    kite, _ = opened(folder, host, clock, lambda: 0.5)
    store_login(kite.connection.folder, clock)
    share = kite.instrument(Exchange.NSE, "SBIN")
    day = clock.now().date()
    begin = datetime.combine(day, time(), IST)
    frame = kite.candles(share, Interval(INTERVAL), begin, begin + timedelta(days=1))
    kite.connection.close()
    close = datetime.combine(day, time(15, 30), IST)
    over = [key[1] for key in expected(["SBIN"], day, day)
            if min(key[1] + STEP, close) + kite.grace <= clock.now()]  # fmt: skip
    found.notes["candles used"] += frame.height
    return frame["time"].to_list() == sorted(over)


def _revised(host: MarketHost, clock: ManualClock, folder: Path, dice: random.Random) -> bool:
    kite, lake = opened(folder, host, clock, lambda: 0.5)
    store_login(kite.connection.folder, clock)
    day = clock.now().date()
    fetch_history(kite, lake, clock, named("SBIN"))
    before = stored(lake)
    today = {key for key in before if key[1].date() == day}
    host.spoil = _spoiler("candle-revised", dice.randrange(10**6), seen := [])
    done = fetch_history(kite, lake, clock, named("SBIN"))
    host.spoil = lambda rows: rows
    kite.connection.close()
    after = stored(lake)
    if not seen:  # the day was over at the first: it is not asked for again
        return before == after
    told = {datetime.fromisoformat(row[0]): tuple(row[1:]) for row in seen[-1]}  # type: ignore[arg-type]
    changed = {key for key in before if before[key] != after[key]}
    # the session before is asked for too, to be compared; what was revised of it counts as well
    again = {key for key in before if key[1] in told}
    return (
        changed <= again
        and today <= again
        and all(after[key] == told[key[1]] for key in again)
        and done.summary["changed"] == len(changed)
        and any("revised" in text for text in done.warnings) is bool(changed)
    )
