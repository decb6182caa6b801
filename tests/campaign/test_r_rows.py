"""The quick column of the reads' rows; their release column is `make campaign`.

R-2 at the real limits takes a minute: here it is `test_kite_budget.py`, in shorter windows.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, partial

import pytest

pytest.importorskip("starlette")  # R-10 spoils candles as the sandbox does

from alphastock_cli.providers.kite.facts import Limit
from tests.campaign import r_budget, r_fetch, r_rows, r_wire
from tests.campaign.counts import Counts

SEED = int(os.environ.get("ALPHASTOCK_CAMPAIGN_SEED", "1"))


@cache  # more than one test looks at what came of a row
def run(row: Callable[[int, int], Counts]) -> Counts:
    times = r_rows.QUICK[row]
    way = partial(row, seconds=0.5) if row is r_wire.r5 else row  # type: ignore[call-arg]
    found = way(times, SEED)
    assert found.tried == times * r_rows.EACH.get(row, 1)
    assert found.failed == 0, found
    return found


@pytest.mark.parametrize(
    "row", [row for row in r_rows.QUICK if row is not r_budget.r2], ids=lambda row: row.__name__
)
def test_the_row_holds(row: Callable[[int, int], Counts]) -> None:
    run(row)


def test_each_way_is_walked() -> None:
    """A row that never reaches its fault would hold as well."""
    found = run(r_rows.r3)
    assert {f"ended with exit {code}" for code in (0, 5, 75)} <= set(found.notes)
    assert set(r_fetch.FAILURES) <= set(found.notes)
    assert run(r_rows.r7).notes["usable"]
    assert run(r_rows.r10).notes["rows set aside"]


def test_a_violation_would_be_seen() -> None:
    moments = [0.0, 0.3, 0.6, 1.0, 1.2, 5.0]
    assert r_budget.violations(moments, Limit(3, 1.0)) == 1
    assert r_budget.most_in(moments, Limit(3, 1.0)) == 4
    assert r_budget.violations(moments, Limit(4, 1.0)) == 0


def test_every_row_has_its_repetitions() -> None:
    assert set(r_rows.QUICK) == set(r_rows.RELEASE)
    assert len(r_rows.QUICK) == 12
