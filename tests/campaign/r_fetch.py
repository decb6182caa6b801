"""Rows R-3, R-6 and R-9: what a fetch that breaks off leaves in the lake."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from alphastock_cli.actions.fetch_history import fetch_history
from alphastock_cli.errors import AuthError, PartlyDone, TransientError
from tests.campaign.counts import Counts
from tests.campaign.market import (
    FIRST,
    INTERVAL,
    LAST,
    NOW,
    REQUEST,
    SHARES,
    Call,
    MarketHost,
    Stage,
    expected,
    market,
    named,
    opened,
    stored,
)
from tests.conftest import ManualClock
from tests.unit.kite_host import KEY, SECRET, TOKEN, Answer, bad, raw, reply, store_login

_CUT = b'{"status":"success","data":{"candles":[["2026-06-15T09:15:00+0530",1,1,1,1,1]'
FAILURES: dict[str, Answer] = {
    "500": bad(500, "GeneralException"),
    "502 as HTML": reply(b"<html>bad gateway</html>", 502, "text/html"),
    "503 of the order system": bad(503, "NetworkException", "OMS is down"),
    "504": reply(b"", 504, "text/html"),
    "200 with an error": bad(200, "NetworkException", "OMS could not be reached"),
}
BROKEN: dict[str, Answer] = {
    "half of an answer": raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n" + _CUT,
        close=True,
    ),
    "half of a chunked one": raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"400\r\n" + _CUT,
        close=True,
    ),
    "bad gzip": reply(_CUT + b"]}}", Content_Encoding="gzip"),
    "half of a gzip": reply(
        bytes.fromhex("1f8b08000000000002ff") + b"\xab\x56", Content_Encoding="gzip"
    ),
}


# -- R-3, R-6 ------------------------------------------------------------------------------------


def r3(repeats: int, seed: int) -> Counts:
    """500, 502, 503 and the like: tried again, else the rest is left for later; nothing is lost."""
    return _interrupted("R-3", repeats, seed, FAILURES)


def r6(repeats: int, seed: int) -> Counts:
    """Answers that break off or lie of their length: never part of one is stored."""
    return _interrupted("R-6", repeats, seed, BROKEN)


def _interrupted(row: str, repeats: int, seed: int, faults: dict[str, Answer]) -> Counts:
    found, dice, clock = Counts(row, seed), random.Random(seed), ManualClock(NOW)
    with market(clock) as host, tempfile.TemporaryDirectory() as text:
        for number in range(repeats):
            kind, times = dice.choice([*faults]), dice.choice([1, 2, 4, 5, 10**9])
            stage = Stage(found, host, clock, dice)
            good = _one_fault(stage, Path(text) / str(number), faults[kind], times)
            found.judge(good=good, why=f"{kind}: missed")
            found.notes[kind] += 1
    return found


def _one_fault(stage: Stage[MarketHost], folder: Path, answer: Answer, times: int) -> bool:
    found, host, clock, dice = stage.found, stage.host, stage.clock, stage.dice
    kite, lake = opened(folder, host, clock, dice.random)
    there = int(dice.random() < 0.25)
    if there:  # what is there before must stay
        fetch_history(kite, lake, clock, named(SHARES[0]))
    before, at = len(host.calls), dice.randrange(len(SHARES) - there)
    left = [times]

    def wrong(call: Call) -> Answer | None:
        if call.number < before + at or not left[0]:
            return None
        left[0] -= 1
        return answer

    host.fault = wrong
    had = expected(SHARES[: there + at])
    begun = clock.monotonic()
    try:
        fetch_history(kite, lake, clock, REQUEST)
    except PartlyDone as error:
        ended, code = times >= 5 and at > 0, error.exit_code
    except TransientError as error:  # before the first answer of this run
        ended, code = times >= 5 and at == 0, error.exit_code
    else:
        ended, code = times < 5, 0
        had = expected(SHARES)
    host.fault = lambda _: None
    found.notes[f"ended with exit {code}"] += 1
    found.most("seconds of a call", round(clock.monotonic() - begun, 1))
    whole = stored(lake) == had
    bounded = clock.monotonic() - begun <= 61 and len(host.calls) - before <= len(SHARES) + 4
    asked = len(host.calls)
    again, _ = opened(folder, host, clock, dice.random)
    fetch_history(again, lake, clock, REQUEST)
    rest = len(host.calls) - asked == (0 if code == 0 else len(SHARES) - there - at)
    kite.connection.close()
    again.connection.close()
    return ended and whole and bounded and rest and stored(lake) == expected(SHARES)


# -- R-9 -----------------------------------------------------------------------------------------


def r9(repeats: int, seed: int) -> Counts:
    """The login ends at a random call: it is not sent again, and the next run fetches the rest."""
    found, dice, clock = Counts("R-9", seed), random.Random(seed), ManualClock(NOW)
    with market(clock) as host, tempfile.TemporaryDirectory() as text:
        for number in range(repeats):
            folder = Path(text) / str(number)
            if number % 50 == 49:
                found.judge(good=_typed(host, folder, dice), why="as commands")
                found.notes["as commands"] += 1
            else:
                found.judge(good=_one_login(host, clock, dice, folder))
    return found


def _one_login(host: MarketHost, clock: ManualClock, dice: random.Random, folder: Path) -> bool:
    host.tokens, before = {TOKEN}, len(host.calls)
    kite, lake = opened(folder, host, clock, dice.random)
    at = dice.randrange(len(SHARES))
    _end_login(host, before + at)
    try:
        fetch_history(kite, lake, clock, REQUEST)
    except AuthError as error:
        told = error.exit_code == 4 and "alphastock login" in error.hint
    else:
        return False
    asked = len(host.calls) - before
    kept = stored(lake) == expected(SHARES[:at])
    once = [call.token for call in host.calls[before:]] == [TOKEN] * asked and asked == at + 1
    store_login(kite.connection.folder, clock, "tomorrow9999")
    host.tokens, before = {"tomorrow9999"}, len(host.calls)
    fetch_history(kite, lake, clock, REQUEST)
    rest = host.calls[before:]
    kite.connection.close()
    return (
        told and kept and once and stored(lake) == expected(SHARES)
        and [call.symbol for call in rest] == [*SHARES[at:]]
        and {call.token for call in rest} == {"tomorrow9999"}
    )  # fmt: skip


def _end_login(host: MarketHost, number: int) -> None:
    def ending(call: Call) -> Answer | None:
        if call.number >= number:
            host.tokens.discard(TOKEN)
        return None

    host.fault = ending


def _typed(host: MarketHost, folder: Path, dice: random.Random) -> bool:
    """Do the same by the command itself, in a process of its own."""
    from alphastock_cli.bootstrap import SystemClock

    clock = SystemClock()
    host.tokens, before, at = {TOKEN}, len(host.calls), dice.randrange(1, 3)
    _end_login(host, before + at)
    store_login(folder / "kite", clock)
    words = [sys.executable, "-m", "alphastock_cli", "--data-dir", str(folder), "fetch", "candles",
             *SHARES, "--interval", INTERVAL, "--from", str(FIRST), "--to", str(LAST)]  # fmt: skip
    env = {**os.environ, "ALPHASTOCK_KITE_ROOT": host.root, "ALPHASTOCK_KITE_API_KEY": KEY,
           "ALPHASTOCK_KITE_API_SECRET": SECRET}  # fmt: skip
    first = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    asked = len(host.calls) - before
    store_login(folder / "kite", clock, "tomorrow9999")
    host.tokens = {"tomorrow9999"}
    then = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    told = f"{first.stdout}{first.stderr}{then.stdout}{then.stderr}"
    return (
        (first.returncode, then.returncode, asked) == (4, 0, at + 1)
        and len(host.calls) - before - asked == 3 - at
        and not any(secret in told for secret in (KEY, SECRET, TOKEN, "tomorrow9999"))
    )
