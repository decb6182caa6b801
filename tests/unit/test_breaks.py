"""Breaks of price: splits and bonuses are found, crashes and demergers are not called splits."""

from __future__ import annotations

import math
from datetime import date

import polars as pl
import pytest

from alphastock_cli.analytics.breaks import RATIOS, detect, imported
from alphastock_cli.domain.frames import ADJUSTMENTS, EQUITIES_DAY, conform

DAY = date(2026, 8, 13)


def row(
    previous: float | None, opened: float | None, closed: float | None = None, **more: object
) -> pl.DataFrame:
    """Return one day; without a close it ends too far from everything to say something."""
    found = {
        "date": DAY, "exchange": "NSE", "symbol": "A", "series": "EQ", "previous_close": previous,
        "open": opened, "close": closed, **more,
    }  # fmt: skip
    return conform(pl.DataFrame([found], infer_schema_length=None), EQUITIES_DAY, what="row")


def only(frame: pl.DataFrame) -> dict[str, object]:
    assert frame.schema == ADJUSTMENTS
    assert frame.height == 1
    return frame.row(0, named=True)


@pytest.mark.parametrize("ratio", RATIOS)
def test_every_usual_ratio_is_found_from_the_open(ratio: object) -> None:
    factor = float(ratio)  # type: ignore[arg-type]
    got = only(detect(row(1_000.0, 1_000.0 * factor * 1.02)))
    assert got["factor"] == pytest.approx(factor, rel=1e-12)
    assert got["kind"] == "split_or_bonus"
    assert got["ratio"] == str(ratio).replace("/", ":")
    assert (got["symbol"], got["exchange"], got["ex_date"]) == ("A", "NSE", DAY)
    assert got["source"] == "detected"


def test_the_close_may_say_what_the_open_does_not() -> None:
    got = only(detect(row(100.0, 55.0, 50.5)))  # opened 10 % up, closed near a half
    assert got["factor"] == 0.5


@pytest.mark.parametrize(
    ("opened", "closed", "found"),
    [
        (50.0 * math.exp(0.049), None, True),
        (50.0 * math.exp(0.051), None, False),
        (50.0 * math.exp(-0.049), None, True),
        (50.0 * math.exp(-0.051), None, False),
        (57.0, 50.0 * math.exp(0.029), True),
        (57.0, 50.0 * math.exp(0.031), False),
    ],
)
def test_how_near_is_near(opened: float, closed: float | None, found: bool) -> None:  # noqa: FBT001 - a column of the table
    got = only(detect(row(100.0, opened, closed)))
    assert got["factor"] == (0.5 if found else None)
    assert got["kind"] == ("split_or_bonus" if found else "unexplained")
    assert got["ratio"] == ("1:2" if found else "")


@pytest.mark.parametrize("opened", [72.01, 80.0, 100.0, 120.0, 160.0])
def test_what_trading_can_do_is_no_break(opened: float) -> None:
    """A circuit of 20 % down, a bonus of 1:3 that cannot be told from a bad day, a good day."""
    assert detect(row(100.0, opened, opened)).height == 0


@pytest.mark.parametrize("opened", [58.0, 26.5, 161.0, 1_000.0, 0.05])
def test_far_from_every_ratio_is_unexplained(opened: float) -> None:
    got = only(detect(row(100.0, opened, opened)))
    assert (got["factor"], got["kind"], got["ratio"]) == (None, "unexplained", "")


def test_a_crash_during_the_day_is_no_break() -> None:
    assert detect(row(100.0, 99.0, 50.0)).height == 0


@pytest.mark.parametrize(
    ("previous", "opened"), [(None, 50.0), (100.0, None), (0.0, 50.0), (100.0, 0.0), (-1.0, 5.0)]
)
def test_missing_or_zero_prices_say_nothing(previous: float | None, opened: float | None) -> None:
    assert detect(row(previous, opened)).height == 0


@pytest.mark.parametrize("closed", [0.0, None])
def test_a_missing_close_leaves_the_open(closed: float | None) -> None:
    assert only(detect(row(100.0, 50.0, closed)))["factor"] == 0.5


@pytest.mark.parametrize(
    ("exchange", "series", "height"),
    [("NSE", "EQ", 1), ("NSE", "BE", 1), ("NSE", "BZ", 1), ("NSE", "SM", 1), ("NSE", "ST", 1),
     ("NSE", "N1", 0), ("NSE", "GS", 0), ("NSE", "", 0), ("BSE", "A", 1), ("BSE", "", 1)],
)  # fmt: skip
def test_on_the_nse_only_shares(exchange: str, series: str, height: int) -> None:
    assert detect(row(100.0, 50.0, exchange=exchange, series=series)).height == height


def test_a_later_row_does_not_change_the_answer() -> None:
    first = row(100.0, 50.0, 51.0)
    later = row(51.0, 51.0, 99.0, date=date(2026, 8, 14))
    assert detect(pl.concat([first, later])).equals(detect(first))


def test_no_rows_no_breaks() -> None:
    got = detect(row(1.0, 1.0).clear())
    assert got.height == 0
    assert got.schema == ADJUSTMENTS


def multipliers(*found: tuple[str, float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(symbol, DAY, value) for symbol, value in found],
        schema={"symbol": pl.String, "ex_date": pl.Date, "multiplier": pl.Float64}, orient="row",
    )  # fmt: skip


def test_imported_multipliers_become_factors() -> None:
    got = imported(multipliers(("A", 2.0), ("B", 1.5), ("C", 0.1)), source="file.csv")
    assert got.schema == ADJUSTMENTS
    assert got["factor"].to_list() == pytest.approx([0.5, 2 / 3, 10.0])
    assert got["kind"].unique().to_list() == ["imported"]
    assert got["source"].unique().to_list() == ["file.csv"]
    assert got["exchange"].unique().to_list() == ["NSE"]


def test_an_imported_ratio_reads_as_a_detected_one() -> None:
    assert imported(multipliers(("A", 2.0)))["ratio"].to_list() == ["1:2"]


def test_what_is_no_multiplier_is_left_out() -> None:
    got = imported(multipliers(("A", 0.0), ("B", -1.0), ("C", None)))
    assert got.height == 0
    assert got.schema == ADJUSTMENTS
