"""Splits and names: prices before an ex-date shrink, the market's own moves stay."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from alphastock_cli.analytics.adjust import (
    adjust,
    detect,
    follow,
    with_predecessors,
    with_successors,
)
from alphastock_cli.domain.frames import ADJUSTMENTS, EQUITIES_DAY, SYMBOL_CHANGES, conform

FIRST = date(2026, 8, 3)
DAYS = [FIRST + timedelta(days=n) for n in range(6)]
END = DAYS[-1]
Change = tuple[str, str, date | None]


def day_rows(symbol: str, closes: dict[int, float], **more: object) -> pl.DataFrame:
    """Return rows whose previous close is the close of the row before, as exchanges publish it."""
    found, before = [], None
    for number, close in closes.items():
        found.append(
            {
                "symbol": symbol, "date": DAYS[number], "exchange": "NSE", "series": "EQ",
                "open": close - 1.0, "high": close + 2.0, "low": close - 2.0, "close": close,
                "last": close, "average_price": close, "previous_close": before,
                "volume": 1_000, "delivery_quantity": 501, "turnover": 5e6, "trades": 77, **more,
            }
        )  # fmt: skip
        before = close
    return conform(pl.DataFrame(found, infer_schema_length=None), EQUITIES_DAY, what="rows")


def factors(*found: tuple[str, date, float | None, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "exchange": "NSE", "symbol": symbol, "ex_date": day, "factor": factor,
                "kind": kind, "ratio": "", "source": "test",
            }
            for symbol, day, factor, kind in found
        ],
        schema=ADJUSTMENTS,
    )  # fmt: skip


def split(symbol: str, number: int, factor: float | None = 0.5) -> tuple:
    return (symbol, DAYS[number], factor, "split_or_bonus")


ROWS = day_rows("A", {0: 100.0, 1: 102.0, 2: 51.0, 3: 52.0, 4: 53.0})


def test_prices_before_the_ex_date_are_multiplied_and_quantities_divided() -> None:
    got = adjust(ROWS, factors(split("A", 2)), as_of=END)
    for name in ("open", "high", "low", "close", "last", "average_price"):
        before = ROWS[name].to_list()
        assert got[name].to_list() == [before[0] / 2, before[1] / 2, *before[2:]], name
    assert got["volume"].to_list() == [2_000, 2_000, 1_000, 1_000, 1_000]
    assert got["delivery_quantity"].to_list() == [1_002, 1_002, 501, 501, 501]


def test_rupees_and_counts_are_no_shares() -> None:
    got = adjust(ROWS, factors(split("A", 2)), as_of=END)
    same = ["turnover", "trades", "symbol", "date", "series", "exchange"]
    assert got.select(same).equals(ROWS.select(same))
    assert got.schema == ROWS.schema


def test_previous_close_on_the_ex_date_is_multiplied() -> None:
    got = adjust(ROWS, factors(split("A", 2)), as_of=END)
    assert got["previous_close"].to_list() == [None, 50.0, 51.0, 51.0, 52.0]
    # so every day's previous close is the adjusted close of the day before
    assert got["previous_close"][1:].to_list() == got["close"][:-1].to_list()


def test_two_factors_multiply() -> None:
    rows = day_rows("A", {0: 100.0, 1: 50.0, 2: 50.0, 3: 10.0, 4: 11.0})
    got = adjust(rows, factors(split("A", 1), split("A", 3, 0.2)), as_of=END)
    assert got["close"].to_list() == pytest.approx([10.0, 10.0, 10.0, 10.0, 11.0])
    assert got["volume"].to_list() == [10_000, 5_000, 5_000, 1_000, 1_000]
    assert got["previous_close"][1:].to_list() == pytest.approx(got["close"][:-1].to_list())


def test_a_consolidation_multiplies_upward() -> None:
    rows = day_rows("A", {0: 5.0, 1: 50.0})
    got = adjust(rows, factors(split("A", 1, 10.0)), as_of=END)
    assert got["close"].to_list() == [50.0, 50.0]
    assert got["volume"].to_list() == [100, 1_000]


def test_a_later_ex_date_is_not_known_yet() -> None:
    known = factors(split("A", 2))
    assert adjust(ROWS, known, as_of=DAYS[1]).equals(ROWS)
    assert not adjust(ROWS, known, as_of=DAYS[2]).equals(ROWS)


def test_an_ex_date_without_trade_counts_from_the_next_row() -> None:
    rows = day_rows("A", {0: 100.0, 1: 102.0, 3: 52.0, 4: 53.0})
    got = adjust(rows, factors(split("A", 2)), as_of=END)
    assert got["close"].to_list() == [50.0, 51.0, 52.0, 53.0]
    assert got["previous_close"].to_list() == [None, 50.0, 51.0, 52.0]


def test_two_ex_dates_between_two_rows_multiply() -> None:
    rows = day_rows("A", {0: 100.0, 4: 26.0})
    got = adjust(rows, factors(split("A", 1), split("A", 3)), as_of=END)
    assert got["close"].to_list() == [25.0, 26.0]
    assert got["previous_close"].to_list() == [None, 25.0]


def test_an_ex_date_after_the_last_row_counts_too() -> None:
    """A symbol that has not traded since its split is quoted in old shares otherwise."""
    rows = ROWS.head(2)
    got = adjust(rows, factors(split("A", 2)), as_of=END)
    assert got["close"].to_list() == [50.0, 51.0]
    assert got["volume"].to_list() == [2_000, 2_000]


def test_an_ex_date_before_the_first_row_changes_nothing() -> None:
    late = ROWS.tail(2)
    assert adjust(late, factors(split("A", 2)), as_of=END).equals(late)


def test_the_ex_date_alone_changes_only_its_previous_close() -> None:
    day = ROWS.filter(date=DAYS[2])
    got = adjust(day, factors(split("A", 2)), as_of=END)
    assert got["previous_close"].to_list() == [51.0]
    assert got.drop("previous_close").equals(day.drop("previous_close"))


def test_two_series_on_the_ex_date_count_the_factor_once() -> None:
    rows = pl.concat([ROWS, ROWS.with_columns(series=pl.lit("BL"))])
    got = adjust(rows, factors(split("A", 2)), as_of=END)
    single = adjust(ROWS, factors(split("A", 2)), as_of=END)
    for series in ("EQ", "BL"):
        assert got.filter(series=series)["close"].to_list() == single["close"].to_list()


def test_of_two_factors_of_a_day_the_detected_one_counts() -> None:
    rounded = ("A", DAYS[2], 0.4999, "imported")
    for pair in ([rounded, split("A", 2)], [split("A", 2), rounded]):
        got = adjust(ROWS, factors(*pair), as_of=END)
        assert got["close"][0] == 50.0


def test_an_imported_factor_counts_where_nothing_was_detected() -> None:
    imported = ("A", DAYS[2], 0.25, "imported")
    unexplained = ("A", DAYS[2], None, "unexplained")
    got = adjust(ROWS, factors(imported, unexplained), as_of=END)
    assert got["close"].to_list() == [25.0, 25.5, 51.0, 52.0, 53.0]


@pytest.mark.parametrize("factor", [None, 0.0, -2.0])
def test_what_is_no_factor_changes_nothing(factor: float | None) -> None:
    assert adjust(ROWS, factors(split("A", 2, factor)), as_of=END).equals(ROWS)


def test_other_symbols_stay_and_rows_come_sorted() -> None:
    rows = pl.concat([day_rows("B", {0: 10.0, 1: 11.0}), ROWS])
    got = adjust(rows, factors(split("A", 2), split("Z", 1)), as_of=END)
    assert got["symbol"].to_list() == ["A"] * 5 + ["B"] * 2
    assert got.filter(symbol="B").equals(rows.filter(symbol="B"))
    assert got.filter(symbol="A")["date"].is_sorted()


def test_volumes_are_rounded_to_whole_shares_and_missing_ones_stay_missing() -> None:
    rows = day_rows("A", {0: 100.0, 1: 66.0}).with_columns(
        volume=pl.Series([1_000, None]), delivery_quantity=pl.Series([None, 5])
    )
    got = adjust(rows, factors(split("A", 1, 2 / 3)), as_of=END)
    assert got["volume"].to_list() == [1_500, None]
    assert got["delivery_quantity"].to_list() == [None, 5]
    assert got["volume"].dtype == pl.Int64


def test_empty_frames() -> None:
    known = factors(split("A", 2))
    assert adjust(ROWS, known.clear(), as_of=END).equals(ROWS)
    assert adjust(ROWS.clear(), known, as_of=END).equals(ROWS.clear())
    assert adjust(ROWS.clear(), known.clear(), as_of=END).schema == ROWS.schema


def test_few_columns_and_an_enum_are_enough() -> None:
    kind = pl.Enum(["A", "B"])
    rows = ROWS.select(pl.col("symbol").cast(kind), "date", "close")
    got = adjust(rows, factors(split("A", 2), split("Z", 2)), as_of=END)
    assert got.schema == rows.schema
    assert got["close"].to_list() == [50.0, 51.0, 51.0, 52.0, 53.0]


def test_detected_then_adjusted_leaves_the_market_s_own_moves() -> None:
    rows = ROWS.with_columns(open=pl.col("close"))
    got = adjust(rows, detect(rows), as_of=END)
    moves = (got["close"] / got["previous_close"])[1:].to_list()
    assert moves == pytest.approx([102 / 100, 102 / 102, 52 / 51, 53 / 52])


# -- names ----------------------------------------------------------------------------------------


def changes(*found: Change) -> pl.DataFrame:
    return pl.DataFrame(
        [(old, new, day, "test") for old, new, day in found], schema=SYMBOL_CHANGES, orient="row"
    )


def days(**held: list[int]) -> pl.DataFrame:
    """Return rows of symbols on numbered days; `tag` keeps the name they were published under."""
    return pl.DataFrame(
        [(symbol, DAYS[n], symbol) for symbol, numbers in held.items() for n in numbers],
        schema={"symbol": pl.String, "date": pl.Date, "tag": pl.String}, orient="row",
    )  # fmt: skip


def names(rows: pl.DataFrame) -> dict[str, list[tuple[int, str]]]:
    """Return the day and the published name of each row, by the symbol it now has."""
    found: dict[str, list[tuple[int, str]]] = {}
    for symbol, day, tag in rows.select("symbol", "date", "tag").rows():
        found.setdefault(symbol, []).append(((day - FIRST).days, tag))
    return found


def test_a_dated_change_counts_for_rows_before_it() -> None:
    got = follow(days(OLD=[0, 1], NEW=[2, 3]), changes(("OLD", "NEW", DAYS[2])))
    assert names(got) == {"NEW": [(0, "OLD"), (1, "OLD"), (2, "NEW"), (3, "NEW")]}


def test_rows_of_a_name_given_away_again_keep_it() -> None:
    """OLD became NEW on day 2; from day 3 another company is called OLD."""
    got = follow(days(OLD=[0, 1, 3, 4], NEW=[2, 3, 4]), changes(("OLD", "NEW", DAYS[2])))
    assert names(got)["OLD"] == [(3, "OLD"), (4, "OLD")]
    assert [day for day, _ in names(got)["NEW"]] == [0, 1, 2, 3, 4]


def test_a_change_without_a_date_counts_where_the_old_name_stopped_first() -> None:
    got = follow(days(OLD=[0, 1], NEW=[2, 3]), changes(("OLD", "NEW", None)))
    assert names(got) == {"NEW": [(0, "OLD"), (1, "OLD"), (2, "NEW"), (3, "NEW")]}


@pytest.mark.parametrize("old", [[0, 1, 2, 3], [0, 2], [4, 5]])
def test_a_change_without_a_date_is_left_alone_where_both_names_traded(old: list[int]) -> None:
    rows = days(NEW=[2, 3], OLD=old)
    assert names(follow(rows, changes(("OLD", "NEW", None)))) == names(rows)


@pytest.mark.parametrize("dated", [True, False])
def test_chains_are_followed_to_the_end(dated: bool) -> None:  # noqa: FBT001 - a parameter of the test
    known = changes(("B", "C", DAYS[4] if dated else None), ("A", "B", DAYS[2] if dated else None))
    got = follow(days(A=[0, 1], B=[2, 3], C=[4, 5]), known)
    assert names(got) == {
        "C": [(0, "A"), (1, "A"), (2, "B"), (3, "B"), (4, "C"), (5, "C")],
    }  # fmt: skip


@pytest.mark.parametrize("dated", [True, False])
def test_a_chain_whose_middle_name_has_no_rows(dated: bool) -> None:  # noqa: FBT001 - a parameter of the test
    known = changes(("A", "B", DAYS[2] if dated else None), ("B", "C", DAYS[3] if dated else None))
    got = follow(days(A=[0, 1], C=[3, 4]), known)
    assert names(got) == {"C": [(0, "A"), (1, "A"), (3, "C"), (4, "C")]}


def test_a_name_taken_and_given_back() -> None:
    known = changes(("A", "B", DAYS[1]), ("B", "A", DAYS[3]))
    got = follow(days(A=[0, 3, 4], B=[1, 2]), known)
    assert names(got) == {"A": [(0, "A"), (1, "B"), (2, "B"), (3, "A"), (4, "A")]}


def test_one_old_name_of_two_companies_at_two_times() -> None:
    """A became B on day 2; another company took the name A and became C on day 4."""
    known = changes(("A", "B", DAYS[2]), ("A", "C", DAYS[4]))
    got = follow(days(A=[0, 1, 2, 3], B=[2, 3, 4], C=[4]), known)
    assert [day for day, _ in names(got)["B"]] == [0, 1, 2, 3, 4]
    assert [day for day, _ in names(got)["C"]] == [2, 3, 4]


def test_a_date_held_under_both_names_is_one_row() -> None:
    got = follow(days(OLD=[0, 1], NEW=[1, 2]), changes(("OLD", "NEW", DAYS[2])))
    assert [day for day, _ in names(got)["NEW"]] == [0, 1, 2]


@pytest.mark.parametrize("turned", [True, False])
def test_a_date_held_under_both_names_keeps_the_same_row_in_any_order(
    turned: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    rows = days(OLD=[0, 1], NEW=[1, 2])
    got = follow(rows.reverse() if turned else rows, changes(("OLD", "NEW", DAYS[2])))
    assert (1, "NEW") in names(got)["NEW"], "what was published under the new name"


def test_follow_without_anything_to_follow() -> None:
    rows = days(A=[0, 1], B=[2])
    for known in (changes(), changes(("X", "Y", None)), changes(("X", "A", DAYS[2]))):
        assert follow(rows, known).equals(rows)
    assert follow(rows.clear(), changes(("A", "B", None))).equals(rows.clear())


@pytest.mark.parametrize("known", [changes(), changes(("A", "B", DAYS[2]))], ids=["none", "one"])
def test_follow_sorts_by_symbol_and_date(known: pl.DataFrame) -> None:
    got = follow(days(Z=[1, 0], B=[3, 2], A=[1, 0]), known)
    assert got.equals(got.sort("symbol", "date"))


def test_other_symbols_pass_unharmed() -> None:
    rows = days(A=[0], M=[0, 1, 2], B=[1])
    got = follow(rows, changes(("A", "B", DAYS[1])))
    assert names(got)["M"] == [(0, "M"), (1, "M"), (2, "M")]


@pytest.mark.parametrize("day", [DAYS[2], None])
def test_follow_with_symbols_as_an_enum(day: date | None) -> None:
    kind = pl.Enum(["NEW", "OLD"])
    rows = days(OLD=[0, 1], NEW=[2]).with_columns(pl.col("symbol").cast(kind))
    got = follow(rows, changes(("OLD", "NEW", day)))
    assert got.schema["symbol"] == kind
    assert names(got) == {"NEW": [(0, "OLD"), (1, "OLD"), (2, "NEW")]}


def test_follow_with_an_enum_that_lacks_the_new_name() -> None:
    """OLD is traded by another company today; what it once became was not asked for."""
    kind = pl.Enum(["M", "OLD"])
    rows = days(OLD=[0, 1, 3], M=[3]).with_columns(pl.col("symbol").cast(kind))
    got = follow(rows, changes(("OLD", "NEW", DAYS[2])))
    assert names(got)["OLD"] == [(3, "OLD")], "the first company's days are not the second's"


def test_with_successors_follows_chains_forwards() -> None:
    known = changes(("A", "B", None), ("B", "C", None), ("X", "Y", None))
    assert with_successors(["A"], known) == ["A", "B", "C"]
    assert with_successors(["C"], known) == ["C"]
    assert with_successors(["A"], changes(("A", "B", None), ("B", "A", None))) == ["A", "B"]


def test_with_predecessors_follows_chains_backwards() -> None:
    known = changes(("A", "B", None), ("B", "C", None), ("X", "Y", None))
    assert with_predecessors(["C"], known) == ["A", "B", "C"]
    assert with_predecessors(["A"], known) == ["A"]
    assert with_predecessors(["Y", "C", "N"], known) == ["A", "B", "C", "N", "X", "Y"]
    assert with_predecessors([], known) == []


def test_with_predecessors_ends_in_a_circle() -> None:
    known = changes(("A", "B", None), ("B", "A", None))
    assert with_predecessors(["A"], known) == ["A", "B"]
