"""Conditions over columns of every kind a frame may hold, and the work they may cost."""

from __future__ import annotations

import time
from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from alphastock_cli.analytics import expression
from alphastock_cli.errors import AlphaStockError, UsageError

IST, UTC = ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")
SCHEMA = {
    "symbol": pl.String(), "series": pl.Enum(["EQ", "BE"]), "close": pl.Float64(),
    "rsi": pl.Float64(), "count": pl.UInt32(), "small": pl.Int8(), "money": pl.Decimal(10, 2),
    "date": pl.Date(), "time": pl.Datetime("us", "Asia/Kolkata"), "utc": pl.Datetime("ms", "UTC"),
    "naive": pl.Datetime("us"), "listed": pl.Boolean(), "nothing": pl.Null(),
}  # fmt: skip
ROWS = pl.DataFrame(
    {
        "symbol": ["SBIN", "INFY", "M&M", None],
        "series": ["EQ", "EQ", "BE", None],
        "close": [816.0, 1470.0, 3030.0, None],
        "rsi": [27.01, 70.0, None, 50.0],
        "count": [1, 2, 3, None],
        "small": [1, -2, 3, None],
        "money": ["1.50", "2.00", "0.00", None],
        "date": [date(2026, 8, 14), date(2026, 8, 13), date(2026, 8, 12), None],
        "time": [datetime(2026, 8, 14, hour, 15, tzinfo=IST) for hour in (9, 10, 11)] + [None],
        "utc": [datetime(2026, 8, 14, hour, 45, tzinfo=UTC) for hour in (3, 4, 5)] + [None],
        "naive": [datetime.fromisoformat(f"2026-08-14T{h}:15") for h in ("09", "10", "11")]
        + [None],
        "listed": [True, False, True, None],
        "nothing": [None] * 4,
    },
    schema_overrides=SCHEMA,
    strict=False,
)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("-count < 0", ["SBIN", "INFY", "M&M"]),
        ("abs(small) = 2", ["INFY"]),
        ("small < 300 and small > -300", ["SBIN", "INFY", "M&M"]),
        ("count < 99999999999999999999", ["SBIN", "INFY", "M&M"]),
        ("series = 'EQ'", ["SBIN", "INFY"]),
        ("series = 'nobody'", []),
        ("money > 1.75", ["INFY"]),
        ("money / 2 < 0.5", ["M&M"]),
        ("nothing is null", ["SBIN", "INFY", "M&M", "?"]),
        ("coalesce(nothing, symbol, 'none') = 'none'", ["?"]),
        ("coalesce(date, '2026-08-14') = '2026-08-14'", ["SBIN", "?"]),
        ("time >= '2026-08-14T10:15'", ["INFY", "M&M"]),
        ("time > '2026-08-14T04:45:00+00:00'", ["M&M"]),
        ("utc >= '2026-08-14 10:15'", ["INFY", "M&M"]),
        ("naive = time and utc = time", ["SBIN", "INFY", "M&M"]),
        ("rsi not in (70, null)", []),
        ("1 / (1 / (close - close)) = 0", []),
        ("9e299 * close * 1e300 is null", ["SBIN", "INFY", "M&M", "?"]),
        ("-7 % 3 = -1 and 7 % -3 = 1", ["SBIN", "INFY", "M&M", "?"]),
        ("rsi" + " + rsi" * 95 + " > 96 * 69.9", ["INFY"]),
    ],
)
def test_what_a_condition_keeps(where: str, expected: list[str]) -> None:
    rows = ROWS.filter(expression.parse(where, ROWS.schema).expr)
    assert [symbol or "?" for symbol in rows["symbol"]] == expected


def test_kinds_that_do_not_meet_are_named_with_their_column() -> None:
    with pytest.raises(UsageError) as refused:
        expression.parse("symbol > 5", SCHEMA)
    assert "cannot compare `symbol` (text) with a number" in refused.value.what


# each of these doubled its work with every word or level before it was bounded
@pytest.mark.parametrize(
    "where",
    [
        "rsi" + " + rsi" * 95 + " > 1",
        "rsi" + " / rsi" * 95 + " > 1",
        "rsi" + " % rsi" * 95 + " > 1",
        "1/(" * 30 + "rsi" + ")" * 30 + " > 1",
        "abs(round(" * 14 + "rsi + 1" + "))" * 14 + " > 1",
        "(" * 20 + "(rsi > 1)" + " between true and true)" * 20,
        "(" * 20 + "(rsi > 1)" + " in (true, false))" * 20,
        "least(1, " * 25 + "rsi" + ")" * 25 + " > 1",
        "symbol like '" + "%a" * 900 + "'",
    ],
    ids=range(9),
)
def test_no_condition_multiplies_its_work(where: str) -> None:
    begin = time.perf_counter()
    told = ""
    try:
        ROWS.filter(expression.parse(where, ROWS.schema).expr)
    except AlphaStockError as error:
        told = error.what
    assert not told or "complicated" in told
    assert time.perf_counter() - begin < 30.0, "a hang, not a slow machine"


@pytest.mark.parametrize(
    ("where", "texts"),
    [
        ("(rsi < 30 and close>0) and listed", ["rsi < 30", "close>0", "listed"]),
        ("((rsi > 1) and (close > 1 and listed))", ["(rsi > 1)", "close > 1", "listed"]),
        ("(rsi > 1 and listed) or close > 1", ["(rsi > 1 and listed) or close > 1"]),
        ("(rsi > 1 and listed) = true", ["(rsi > 1 and listed) = true"]),
        ("not (rsi > 1 and close > 1)", ["not (rsi > 1 and close > 1)"]),
    ],
)
def test_clauses_inside_parentheses_are_clauses(where: str, texts: list[str]) -> None:
    clauses = expression.parse(where, SCHEMA).explain(ROWS.row(0, named=True))
    assert [clause.text for clause in clauses] == texts
