"""Build-up since the session before: each class, and what is not known stays unknown."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from alphastock_cli.analytics.build_up import with_build_up
from alphastock_cli.domain.frames import CHAIN
from alphastock_cli.runners._chain_source import CLOSES

SESSION = date(2026, 11, 20)
CASES = {  # last price, interest change, close before -> class
    100.0: (12.0, 650, 10.0, "long_build_up"),
    110.0: (12.0, -650, 10.0, "short_covering"),
    120.0: (8.0, 650, 10.0, "short_build_up"),
    130.0: (8.0, -650, 10.0, "long_unwinding"),
    140.0: (10.0, 650, 10.0, "unchanged"),
    150.0: (12.0, 0, 10.0, "unchanged"),
    160.0: (12.0, None, 10.0, None),
    170.0: (12.0, 650, None, None),
    180.0: (None, 650, 10.0, None),
}


def chain(**more: object) -> pl.DataFrame:
    rows = [
        {"strike": strike, "option_type": "CE", "last_price": last, "oi_change": moved,
         "volume": 5, **more}
        for strike, (last, moved, _, _) in CASES.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=CHAIN)


def closes() -> pl.DataFrame:
    rows = [
        {"strike": strike, "option_type": kind, "previous_close": close if kind == "CE" else 99.0}
        for strike, (_, _, close, _) in CASES.items()
        for kind in ("PE", "CE")
        if close is not None
    ]
    return pl.DataFrame(rows, schema=CLOSES)


def test_every_class() -> None:
    made = with_build_up(chain(), closes(), session=SESSION)
    assert made["strike"].to_list() == list(CASES)
    assert made["build_up"].to_list() == [case[3] for case in CASES.values()]
    changes = [
        None if last is None or close is None else last - close
        for last, _, close, _ in CASES.values()
    ]
    assert made["price_change"].to_list() == changes


@pytest.mark.parametrize("before", [None, closes().head(0)])
def test_without_closes_of_the_session_before_nothing_is_known(before) -> None:
    made = with_build_up(chain(), before, session=SESSION)
    assert made["build_up"].null_count() == len(CASES)
    assert made.schema["previous_close"] == pl.Float64


def test_a_last_price_of_an_earlier_session_has_not_changed_in_this_one() -> None:
    made = with_build_up(chain(volume=0), closes(), session=SESSION)
    assert made["price_change"].null_count() == len(CASES)
    assert made["build_up"].null_count() == len(CASES)
