"""Laws of asking again: never for ever, never after the same twice, always after one doubt."""

from __future__ import annotations

import tempfile
from datetime import date, datetime
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.actions.history_done import Done
from alphastock_cli.actions.history_doubts import grown, marks, settled
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.store.lake import Lake
from tests.conftest import IST
from tests.unit.seam_world import FIRST, LAST, SESSIONS

ANSWERS = st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=12)
DAY = SESSIONS[4]
LATER = datetime(2026, 7, 1, 18, 0, tzinfo=IST)


@given(ANSWERS)
def test_a_day_is_asked_for_three_times_at_most(answers: list[str]) -> None:
    """Each answer is for a day that was asked for because it was in doubt, or never answered."""
    told: dict[str, list[str]] = {}
    asked, given_ = 0, []
    for mark in answers:
        asked += 1
        given_.append(mark)
        told = grown(told, {DAY: mark} if mark else {})
        if str(DAY) not in told or settled(told[str(DAY)]):
            break
    assert asked <= 3
    if given_[-1] and asked < min(3, len(answers)):
        assert given_[-1] == given_[-2], "only the same twice ends it before"
    if asked == 1 and len(answers) > 1:
        assert not given_[0], "one doubt never ends it"


REASONS = st.lists(
    st.tuples(st.sampled_from([*SESSIONS[:4], None]), st.sampled_from("xy"), st.text(max_size=3)),
    max_size=8,
)


@given(REASONS, st.randoms(use_true_random=False))
def test_the_same_rows_in_any_order_are_the_same(
    rows: list[tuple[date | None, str, str]], dice: object
) -> None:
    schema = {"date": pl.Date, "reason": pl.String, "raw": pl.String}
    mixed = list(rows)
    dice.shuffle(mixed)  # type: ignore[attr-defined]
    days = set(SESSIONS[:3])
    one, two = (marks(pl.DataFrame(each, schema=schema, orient="row"), days, {})
                for each in (rows, mixed))  # fmt: skip
    assert one == two
    nowhere = any(day is None for day, _, _ in rows)
    assert set(one) == (days if nowhere else {day for day, _, _ in rows if day in days})
    if rows:
        other = pl.DataFrame([*rows, (SESSIONS[0], "z", "")], schema=schema, orient="row")
        assert marks(other, days, {})[SESSIONS[0]] != one.get(SESSIONS[0])


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.sampled_from(SESSIONS), st.sampled_from("ab")), max_size=6))
def test_what_is_remembered_is_what_was_told(answers: list[dict[date, str]]) -> None:
    """A day is in doubt exactly while its own answers leave it so, whatever the others do."""
    with tempfile.TemporaryDirectory() as folder:
        done = Done(Lake(Path(folder)), Interval.MINUTE)
        for doubts in answers:
            done.add(Exchange.NSE, "SBIN", (FIRST, LAST), set(SESSIONS), LATER, doubts=doubts)
        wanted = set()
        for day in SESSIONS:
            own: list[str] = []
            for doubts in answers:
                own = [*own, doubts[day]] if day in doubts else []
            if own and len(own) < 3 and not (len(own) == 2 and own[0] == own[1]):
                wanted.add(day)
        assert done.doubtful(Exchange.NSE, "SBIN") == wanted
