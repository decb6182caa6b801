"""The law of stored chains: at a moment the newest snapshot not later than it, nothing else."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.domain.frames import CHAINS, conform
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.providers.replay import Replay
from alphastock_cli.store import chains
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

BEGIN = datetime(2026, 8, 31, 9, 15, tzinfo=IST)  # the last day of a file, and of a month
seconds = st.integers(0, 6 * 3600) | st.integers(24 * 3600, 30 * 3600)


def rows(after: int) -> list[dict[str, object]]:
    return [
        {"time": BEGIN + timedelta(seconds=after), "exchange": "NFO", "underlying": "NIFTY",
         "expiry": date(2026, 9, 8), "strike": 24_000.0, "option_type": kind, "spot": 1.0 + after,
         "last_price": 1.0 + after, "source": "test"}
        for kind in ("CE", "PE")
    ]  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.lists(seconds, min_size=1, max_size=6, unique=True), seconds)
def test_the_newest_that_is_not_later_and_later_ones_change_nothing(
    moments: list[int], asked: int
) -> None:
    moment = BEGIN + timedelta(seconds=asked)
    known = [each for each in moments if each <= asked]
    with TemporaryDirectory() as folder:
        answers = []
        for number, held in enumerate((moments, known)):
            lake = Lake(Path(folder, str(number)))
            frame = pl.DataFrame([row for each in held for row in rows(each)], schema=CHAINS)
            lake.upsert("chains", conform(frame, CHAINS, what="test"))
            found = chains.newest(lake, "NIFTY", moment)
            answers.append(None if found is None else (found.time, found.spot, found.rows.rows()))
            if found is None:
                continue
            source = LakeProvider(lake, ManualClock(moment), as_of=moment)
            assert source.chain_as_of("NIFTY") == found.time
            if found.time.date() == moment.date():
                replay = Replay(lake, ManualClock(moment), moment.date())
                expiry = date(2026, 9, 8)
                mine, other = (each.option_chain("NIFTY", expiry) for each in (replay, source))
                assert mine.equals(other)
        assert answers[0] == answers[1]
        if known:
            assert answers[0] is not None
            assert answers[0][0] == BEGIN + timedelta(seconds=max(known))
        else:
            assert answers[0] is None
