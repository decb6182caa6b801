"""The `--where` language: each construct with its answer, each error with its place."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from alphastock_cli.analytics.expression import parse, parse_columns, parse_sort
from alphastock_cli.domain.frames import TIME
from alphastock_cli.errors import UnknownName, UsageError

IST = ZoneInfo("Asia/Kolkata")
SCHEMA = {
    "symbol": pl.String, "sector": pl.Categorical, "close": pl.Float64, "rsi": pl.Float64,
    "volume": pl.Int64, "date": pl.Date, "time": TIME, "active": pl.Boolean,
    "levels": pl.List(pl.Float64), "Odd name": pl.Float64,
}  # fmt: skip
KNOWN = {
    "symbol": "SBIN", "sector": "Banks", "close": 820.5, "rsi": 28.0, "volume": 1_000,
    "date": date(2026, 8, 14), "time": datetime(2026, 8, 14, 9, 15, tzinfo=IST), "active": True,
    "levels": [1.0], "Odd name": -7.5,
}  # fmt: skip
BLANK = dict.fromkeys(SCHEMA)
FRAME = pl.DataFrame([KNOWN, BLANK], schema=SCHEMA)


def answers(text: str) -> tuple[bool | None, bool | None]:
    """Return what a condition says of the known row and of the one where nothing is known."""
    expr = parse(text, SCHEMA).expr
    got = FRAME.with_columns(__holds=expr)["__holds"]
    assert got.dtype == pl.Boolean
    assert FRAME.filter(expr).height == got.sum(), "null counts as not met"
    return got[0], got[1]


CONSTRUCTS = {
    # comparisons
    "rsi < 30": (True, None),
    "rsi <= 28": (True, None),
    "rsi > 28": (False, None),
    "rsi >= 28": (True, None),
    "rsi = 28": (True, None),
    "rsi == 28.0": (True, None),
    "rsi != 28": (False, None),
    "rsi <> 27": (True, None),
    "30 > rsi": (True, None),
    "volume = 1000": (True, None),
    "volume < 1000.5": (True, None),
    "symbol = 'SBIN'": (True, None),
    "symbol = 'sbin'": (False, None),
    "symbol > 'SBI'": (True, None),
    "sector = 'Banks'": (True, None),
    "active": (True, None),
    "active = true": (True, None),
    "active = (rsi > 30)": (False, None),
    "true": (True, True),
    "FALSE or active": (True, None),
    # numbers
    "close > 8.2e2": (True, None),
    "close > 8.2E+2": (True, None),
    "close > .5": (True, None),
    "close < 821.": (True, None),
    "close > -1": (True, None),
    "-close < +1": (True, None),
    "volume < 100000000000000000000": (True, None),
    # arithmetic
    "close + 1 * 2 = 822.5": (True, None),
    "(close + 1) * 2 = 1643": (True, None),
    "close - 0.5 - 20 = 800": (True, None),
    "volume / 3 > 333.3": (True, None),
    "volume / 1000 / 2 = 0.5": (True, None),
    "volume % 300 = 100": (True, None),
    "-volume % 300 = -100": (True, None),
    "close / 0 is null": (True, True),
    "close % 0 > 1 or true": (True, True),
    "close / 0 > 1": (None, None),
    "close * 1e200 * 1e200 is null": (True, True),
    # and, or, not
    "rsi < 30 and close > 800": (True, None),
    "rsi < 30 AND close > 900": (False, None),
    "rsi < 30 or close > 900": (True, None),
    "not rsi < 30": (False, None),
    "not not active": (True, None),
    "not active or true": (True, True),
    "true or false and false": (True, True),
    "(true or false) and false": (False, False),
    "rsi < 30 and false": (False, False),
    "rsi < 30 or true": (True, True),
    # between, in, like, is null
    "rsi between 28 and 30": (True, None),
    "rsi between 20 and 28": (True, None),
    "rsi between 30 and 20": (False, None),
    "rsi not between 20 and 27": (True, None),
    "rsi between 20 and 30 and close > 900": (False, None),
    "symbol in ('INFY', 'SBIN')": (True, None),
    "symbol not in ('INFY')": (True, None),
    "volume in (1, 2.5, 1000)": (True, None),
    "volume in (999 + 1)": (True, None),
    "symbol like 'SB%'": (True, None),
    "symbol like 'SB_'": (False, None),
    "symbol like '_B__'": (True, None),
    "symbol like '_____'": (False, None),
    "symbol like 'SBIN%'": (True, None),
    "symbol like 'BI'": (False, None),
    "symbol like 'sb%'": (False, None),
    "symbol ilike 'sb%'": (True, None),
    "symbol not like '%X%'": (True, None),
    "symbol like 'S.*'": (False, None),
    "symbol like ''": (False, None),
    "sector like 'Ban%'": (True, None),
    "close is null": (False, True),
    "close is not null": (True, False),
    "close IS NOT NULL and Close > 1": (True, False),
    # functions
    "abs(-close) = 820.5": (True, None),
    "round(close) = 821": (True, None),
    "round(-close) = -821": (True, None),
    "round(close / 3, 1) = 273.5": (True, None),
    "least(close, rsi, 30) = 28": (True, None),
    "greatest(close, rsi) = 820.5": (True, None),
    "least(close, 1) = 1": (True, None),
    "coalesce(close, 0) = 0": (False, True),
    "coalesce(symbol, 'none') = 'none'": (False, True),
    "lower(symbol) = 'sbin'": (True, None),
    "UPPER(sector) = 'BANKS'": (True, None),
    # dates and times
    "date = '2026-08-14'": (True, None),
    "'2026-08-13' < date": (True, None),
    "date between '2026-08-01' and '2026-08-31'": (True, None),
    "date in ('2026-08-13', '2026-08-14')": (True, None),
    "date not in ('2026-08-13')": (True, None),
    "time >= '2026-08-14T09:15'": (True, None),
    "time > '2026-08-14T09:15:00'": (False, None),
    "time = '2026-08-14T03:45:00+00:00'": (True, None),
    "time > '2026-08-14'": (True, None),
    # names and quotes
    "RSI < 30": (True, None),
    '"Odd name" < 0': (True, None),
    '"odd NAME" * 2 = -15': (True, None),
    "symbol != 'O''Neil'": (True, None),
    "symbol != ''": (True, None),
    " \n rsi\t<\n30 ": (True, None),
    "rsi - -2 = 30": (True, None),
}


@pytest.mark.parametrize(("text", "expected"), CONSTRUCTS.items(), ids=CONSTRUCTS)
def test_constructs(text: str, expected: tuple[bool | None, bool | None]) -> None:
    assert answers(text) == expected


def test_columns_are_those_the_condition_reads() -> None:
    got = parse('RSI < 30 and (close > 1 or "Odd name" = 2) and rsi > 1', SCHEMA)
    assert got.columns == {"rsi", "close", "Odd name"}
    assert parse("1 = 1", SCHEMA).columns == frozenset()


# text, the word the message must hold, the place it must name (from 1, None: no place)
ERRORS = [
    ("", "empty", None),
    ("   ", "empty", None),
    ("close", "not a condition", None),
    ("close + 1", "not a condition", None),
    ("'SBIN'", "not a condition", None),
    ("close >", "too early", 8),
    ("close > 1 and", "too early", 14),
    ("(close > 1", "`)`", 11),
    ("close > 1)", "`)`", 10),
    ("close > 1 rsi", "`rsi`", 11),
    ("close > > 1", "`>`", 9),
    ("1 < close < 2", "two comparisons", 11),
    ("and close > 1", "`and`", 1),
    ("close between 1 or 2", "`and`", 17),
    ("close in 1", "`(`", 10),
    ("close in ()", "`)`", 11),
    ("close in (1", "`)`", 12),
    ("close not > 1", "between", 11),
    ("close is 1", "null", 10),
    ("symbol like SB", "in quotes", 13),
    ("close like 'a'", "text", 7),
    ("close > 'a'", "cannot compare", 7),
    ("close = 'a'", "cannot compare", 7),
    ("symbol = 1", "cannot compare", 8),
    ("symbol in ('A', 1)", "cannot compare", 8),
    ("active = 1", "cannot compare", 8),
    ("date > 20260814", "cannot compare", 6),
    ("date > 'today'", "YYYY-MM-DD", 6),
    ("date > '2026-13-01'", "YYYY-MM-DD", 6),
    ("time > 'soon'", "YYYY-MM-DD", 6),
    ("symbol + 1 > 2", "number", 8),
    ("-symbol = 1", "number", 1),
    ("date + 1 > 2", "number", 6),
    ("not close", "condition", None),
    ("close and active", "`and`", None),
    ("active or 1", "`or`", None),
    ("levels = 1", "levels", 1),
    ("sqrt(close) > 1", "unknown function", 1),
    ("abs() > 1", "`)`", 5),
    ("abs(1, 2) > 1", "1 values", 1),
    ("abs(symbol) > 1", "number", 1),
    ("lower(close) = 'a'", "text", 1),
    ("lower('a', 'b') = 'a'", "1 values", 1),
    ("round(close, 1, 2) > 1", "1 to 2", 1),
    ("round(close, -1) > 1", "places", 1),
    ("round(close, 16) > 1", "places", 1),
    ("round(close, 1.5) > 1", "places", 1),
    ("round(close, volume) > 1", "places", 1),
    ("coalesce(close, 'a') = 1", "coalesce", 1),
    ("close > 1e301", "too large", None),
    ("close > 1e999", "too large", None),
    ("close > 'a", "does not end", 9),
    ('"close > 1', "does not end", 1),
    ("close > 1; drop", "';'", 10),
    ("close > $1", "'$'", 9),
    ("close > 1 -- all", "comment", 11),
    ("close > 1 /* all */", "`*`", 12),
    ("close > (select 1)", "`select`", 10),
    ("rsi > 1 union close", "`union`", 9),
    ("date = now()", "`now`", 8),
    ("date = CURRENT_DATE", "`CURRENT_DATE`", 8),
    ("sum(close) over (symbol) > 1", "`over`", 12),
]


@pytest.mark.parametrize(("text", "word", "place"), ERRORS, ids=[error[0] for error in ERRORS])
def test_errors_say_what_and_where(text: str, word: str, place: int | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, SCHEMA)
    assert word in caught.value.what
    if place is not None:
        assert f"at character {place}," in caught.value.what


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        parse("clos > 1", SCHEMA)
    assert "clos" in caught.value.what
    assert "close" in caught.value.hint


def test_an_unknown_column_without_a_near_one_lists_all() -> None:
    with pytest.raises(UnknownName) as caught:
        parse('"xyzzy" > 1', SCHEMA)
    assert "symbol" in caught.value.hint


@pytest.mark.parametrize("word", ["SELECT", "from", "Attach", "copy", "drop"])
def test_words_of_other_statements_are_allowed_as_text_only(word: str) -> None:
    assert answers(f"symbol != '{word}'") == (True, None)
    with pytest.raises(UsageError):
        parse(f"{word} > 1", SCHEMA)


# -- limits ---------------------------------------------------------------------------------------


def test_at_most_two_thousand_characters() -> None:
    start = "symbol != '"
    longest = f"{start}{'a' * (2_000 - len(start) - 1)}'"
    assert len(longest) == 2_000
    assert answers(longest) == (True, None)
    with pytest.raises(UsageError, match="2001 characters"):
        parse(longest + " ", SCHEMA)


def test_at_most_two_hundred_words() -> None:
    assert answers("true" + " or true" * 99) == (True, True)  # 199
    assert answers("not true" + " or true" * 99) == (True, True)  # 200
    with pytest.raises(UsageError, match="200 words"):
        parse("true" + " or true" * 100, SCHEMA)


def test_at_most_thirty_parentheses_deep() -> None:
    assert answers("(" * 30 + "true" + ")" * 30) == (True, True)
    with pytest.raises(UsageError, match="deeper than 30"):
        parse("(" * 31 + "true" + ")" * 31, SCHEMA)


@pytest.mark.parametrize(
    "text",
    ["not " * 150 + "active", "- " * 150 + "close > 1", "+" * 190 + "close > 1",
     "abs(" * 25 + "-" + "+" * 60 + "1" + ")" * 25 + " > 0"],
)  # fmt: skip
def test_depth_without_parentheses_is_bounded_too(text: str) -> None:
    with pytest.raises(UsageError, match="nested too deep"):
        parse(text, SCHEMA)


@pytest.mark.parametrize("digits", [39, 100, 300])
def test_long_whole_numbers_are_numbers(digits: int) -> None:
    assert answers(f"close < {'9' * digits}") == (True, None)


@pytest.mark.parametrize("open_", ["least(close, ", "greatest(", "coalesce(rsi, ", "round("])
def test_nested_functions_answer_or_refuse_quickly(open_: str) -> None:
    text = open_ * 29 + "1" + ")" * 29 + " is not null"
    try:
        assert answers(text)[0] is True
    except UsageError as error:
        assert "complicated" in error.what  # noqa: PT017 - either is right


# -- explain --------------------------------------------------------------------------------------


def explained(text: str, row: dict) -> list[tuple[str, bool | None]]:
    return [(clause.text, clause.holds) for clause in parse(text, SCHEMA).explain(row)]


def test_explain_splits_at_and() -> None:
    text = "rsi < 30 and close>900  AND symbol in ('SBIN', 'INFY')"
    assert explained(text, KNOWN) == [
        ("rsi < 30", True), ("close>900", False), ("symbol in ('SBIN', 'INFY')", True),
    ]  # fmt: skip


def test_explain_keeps_or_and_between_whole() -> None:
    text = "rsi < 30 or close > 900 and rsi > 1"
    assert explained(text, KNOWN) == [(text, True)]
    text = "rsi between 20 and 30 and not (close > 1 and rsi > 1)"
    assert explained(text, KNOWN) == [
        ("rsi between 20 and 30", True), ("not (close > 1 and rsi > 1)", False),
    ]  # fmt: skip


def test_explain_does_not_cut_texts() -> None:
    assert explained("symbol != 'a and b' and rsi < 30", KNOWN) == [
        ("symbol != 'a and b'", True), ("rsi < 30", True),
    ]  # fmt: skip


def test_explain_shows_the_values_seen() -> None:
    first, second = parse("rsi < close and volume >= 1000", SCHEMA).explain(KNOWN)
    assert first.value == "rsi = 28, close = 820.5"
    assert second.value == "volume = 1000"


def test_explain_says_what_is_not_known() -> None:
    (clause,) = parse("rsi < 30", SCHEMA).explain(BLANK)
    assert clause.holds is None
    assert clause.value.startswith("rsi")
    assert "not known" in clause.value


def test_explain_of_a_row_with_more_and_with_fewer_columns() -> None:
    condition = parse("rsi < 30 and close > 1", SCHEMA)
    got = condition.explain({"rsi": 29.0, "other": 1})
    assert [clause.holds for clause in got] == [True, None]


def test_explain_without_columns() -> None:
    assert explained("1 < 2 and false", KNOWN) == [("1 < 2", True), ("false", False)]


def test_all_clauses_together_are_the_condition() -> None:
    for text, expected in CONSTRUCTS.items():
        for row, whole in zip((KNOWN, BLANK), expected, strict=True):
            holds = [clause.holds for clause in parse(text, SCHEMA).explain(row)]
            joined = False if False in holds else None if None in holds else True
            assert joined == whole, text


# -- lists of columns -----------------------------------------------------------------------------


def test_parse_sort() -> None:
    assert parse_sort("RSI:desc, symbol ,close:ASC", SCHEMA) == [
        ("rsi", True), ("symbol", False), ("close", False),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["rsi:down", "rsi,,close", "", ",", "rsi:desc:asc"])
def test_parse_sort_refuses(text: str) -> None:
    with pytest.raises(UsageError):
        parse_sort(text, SCHEMA)


def test_parse_columns() -> None:
    assert parse_columns("symbol, RSI,symbol", SCHEMA) == ["symbol", "rsi"]
    with pytest.raises(UsageError):
        parse_columns("symbol,", SCHEMA)


@pytest.mark.parametrize("parser", [parse_sort, parse_columns])
def test_unknown_names_in_lists(parser: type) -> None:
    with pytest.raises(UnknownName) as caught:
        parser("symbl", SCHEMA)
    assert "symbol" in caught.value.hint
