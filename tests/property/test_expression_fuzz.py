"""Any text gives a condition or a readable error; valid conditions mean what SQLite says.

SQLite is the second route: written by others, with the same three-valued logic.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass
from datetime import date

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alphastock_cli.analytics.expression import parse
from alphastock_cli.domain.frames import TIME
from alphastock_cli.errors import AlphaStockError

SCHEMA = {
    "close": pl.Float64, "rsi": pl.Float64, "volume": pl.Int64, "symbol": pl.String,
    "sector": pl.String, "date": pl.Date, "active": pl.Boolean, "time": TIME,
}  # fmt: skip
BLANK = pl.DataFrame([dict.fromkeys(SCHEMA)], schema=SCHEMA)


def tried(text: str) -> None:
    """Parse, filter and explain; nothing but our own errors may come out."""
    try:
        condition = parse(text, SCHEMA)
    except AlphaStockError as error:
        assert error.what  # noqa: PT017 - most texts are refused, and must be refused in words
        return
    BLANK.filter(condition.expr)
    condition.explain(dict.fromkeys(SCHEMA))


WORDS = (
    *SCHEMA, "and", "or", "not", "between", "in", "like", "ilike", "is", "null", "true", "false",
    "abs", "round", "least", "greatest", "coalesce", "lower", "upper", "(", ")", "(", ")", ",",
    "+", "-", "*", "/", "%", "<", "<=", "=", "==", "!=", "<>", ">=", ">", "1", "0", "2.5", "1e3",
    "9" * 40, ".5", "1e400", "'SB%'", "'2026-08-14'", "''", "'", '"', '"close"', ";", "--", "\\",
    "\x00", "select", "é", "٣", "²", "nobody", "\n",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
@example("9" * 39 + " > close")
@example("close > 1e999")
@example("'\\' like '\\'")
@example("symbol like '[(*+?{'")
@example("٣ = close")
@example("² = close")
@example("date > '0000-00-00'")
@example("time > '9999-12-31T23:59:59-12:00'")
@example("time > '0001-01-01T00:00:00+14:00'")
def test_random_text_raises_only_our_errors(text: str) -> None:
    tried(text)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14), st.sampled_from([" ", ""]))
def test_random_words_raise_only_our_errors(words: list[str], glue: str) -> None:
    tried(glue.join(words))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=12), st.sampled_from(["like", "ilike", "=", "not like"]))
def test_any_text_may_stand_in_quotes(text: str, word: str) -> None:
    quoted = text.replace("'", "''")
    condition = parse(f"symbol {word} '{quoted}'", SCHEMA)
    frame = pl.DataFrame({"symbol": [text, None]}, schema={"symbol": pl.String})
    got = frame.select(holds=condition.expr)["holds"].to_list()
    assert got == [word != "not like", None]


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 210),
    st.sampled_from(
        ["(", "not ", "-", "- ", "+", "abs(", "least(rsi,", "1+", "true and ", "true or ", "1/",
         "close%", "coalesce(rsi,", "round(", "(rsi+", "greatest(close,", "' ", "%"]
    ),
)  # fmt: skip
def test_repetition_ends_in_an_answer_or_in_words(count: int, piece: str) -> None:
    tried(piece * count + "close > 1")
    tried(piece * count + "1" + ")" * min(count, piece.count("(") * count) + " > rsi")


# -- against SQLite -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """One condition in both languages."""

    ours: str
    sql: str


def same(text: str) -> Said:
    return Said(text, text)


def joined(parts: list[Said], between: str) -> Said:
    return Said(between.join(p.ours for p in parts), between.join(p.sql for p in parts))


def wrapped(before: str, inner: Said, after: str = ")", *, sql: str = "") -> Said:
    return Said(f"{before}{inner.ours}{after}", f"{sql or before}{inner.sql}{after}")


halves = st.integers(-8, 8).map(lambda n: n / 2)
positive = st.integers(0, 16).map(lambda n: same(f"{n / 2}"))
number_columns = st.sampled_from(["close", "rsi", "volume", "CLOSE"]).map(same)
text_columns = st.sampled_from(["symbol", "sector"]).map(same)
texts = st.sampled_from(["'SBIN'", "'INFY'", "'sbin'", "''", "'S%'", "'O''N'"]).map(same)
days = st.sampled_from(["'2026-08-13'", "'2026-08-14'", "'2026-08-15'"]).map(same)
patterns = st.text("SBIN%_s", max_size=5)
signs = st.sampled_from(["<", "<=", "=", "==", "!=", "<>", ">=", ">"])


def _numbers(inner: st.SearchStrategy[Said]) -> st.SearchStrategy[Said]:
    pair = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        # without parentheses on purpose: both must bind alike
        st.tuples(st.lists(inner, min_size=2, max_size=4), st.sampled_from("+-*/")).map(
            lambda t: joined(t[0], f" {t[1]} ")
        ),
        inner.map(lambda n: wrapped("(", n)),
        inner.map(lambda n: Said(f"- ({n.ours})", f"- ({n.sql})")),
        inner.map(lambda n: wrapped("abs(", n)),
        pair.map(lambda ps: wrapped("least(", joined(ps, ", "), sql="min(")),
        pair.map(lambda ps: wrapped("greatest(", joined(ps, ", "), sql="max(")),
        pair.map(lambda ps: wrapped("coalesce(", joined(ps, ", "))),
        st.tuples(inner, inner).map(
            lambda t: Said(f"(({t[0].ours}) % ({t[1].ours}))", f"rest(({t[0].sql}), ({t[1].sql}))")
        ),
        st.tuples(number_columns, st.integers(0, 2)).map(
            lambda t: same(f"round({t[0].ours}, {t[1]})")
        ),
    )


numbers = st.recursive(st.one_of(positive, number_columns), _numbers, max_leaves=6)
strings = st.one_of(
    text_columns, texts, text_columns.map(lambda t: wrapped("lower(", t)),
    text_columns.map(lambda t: wrapped("upper(", t)),
    st.tuples(text_columns, texts).map(lambda t: wrapped("coalesce(", joined(list(t), ", "))),
)  # fmt: skip
dates = st.just(same("date"))
kinds = st.sampled_from([(numbers, numbers), (strings, strings), (dates, days), (days, dates)])


@st.composite
def simple(draw: st.DrawFn) -> Said:
    """Return one comparison, range, list, pattern or test for null."""
    left, right = draw(kinds)
    value = draw(left)
    form = draw(st.sampled_from(["compare", "between", "in", "like", "null", "active"]))
    no = draw(st.sampled_from(["", "not "]))
    if form == "compare":
        return joined([value, draw(right)], f" {draw(signs)} ")
    if form == "between":
        low, high = draw(right), draw(right)
        return Said(
            f"{value.ours} {no}between {low.ours} and {high.ours}",
            f"{value.sql} {no}between {low.sql} and {high.sql}",
        )
    if form == "in":
        items = joined(draw(st.lists(right, min_size=1, max_size=3)), ", ")
        return Said(f"{value.ours} {no}in ({items.ours})", f"{value.sql} {no}in ({items.sql})")
    if form == "like":
        value, pattern = draw(strings), draw(patterns)
        fold = draw(st.booleans())
        word, side = ("ilike", "lower({})") if fold else ("like", "{}")
        return Said(
            f"{value.ours} {no}{word} '{pattern}'",
            f"{side.format(value.sql)} {no}like {side.format(repr(pattern))}",
        )
    if form == "null":
        return Said(f"{value.ours} is {no}null", f"({value.sql}) is {no}null")
    return same(draw(st.sampled_from(["active", "active = true", "not active", "active != false"])))


conditions = st.recursive(
    simple(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda ps: joined(ps, " and ")),
        st.lists(inner, min_size=2, max_size=3).map(lambda ps: joined(ps, " or ")),
        inner.map(lambda c: wrapped("(", c)),
        inner.map(lambda c: wrapped("not (", c)),
        inner.map(lambda c: Said(f"not {c.ours}", f"not {c.sql}")),
    ),
    max_leaves=6,
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "close": st.none() | halves,
            "rsi": st.none() | halves,
            "volume": st.none() | st.integers(-3, 3),
            "symbol": st.none()
            | st.sampled_from(["SBIN", "INFY", "sbin", "", "S%", "S\nB", "O'N"]),
            "sector": st.none() | st.sampled_from(["SBIN", "s", ""]),
            "date": st.none() | st.sampled_from([date(2026, 8, day) for day in (13, 14, 15)]),
            "active": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=12,
)
HELD = [name for name in SCHEMA if name != "time"]


def rest(a: float | None, b: float | None) -> float | None:
    """Return the remainder with the sign of the dividend; SQLite's own `%` cuts to integers."""
    return None if a is None or not b else math.fmod(a, b)


def by_sqlite(condition: str, held: list[dict]) -> list[bool | None]:
    with sqlite3.connect(":memory:") as database:
        database.create_function("rest", 2, rest, deterministic=True)
        database.execute("pragma case_sensitive_like = on")
        # real: SQLite divides integers to integers, the language always calculates in float64
        reals = "close real, rsi real, volume real"
        database.execute(f"create table t ({reals}, symbol text, sector text, date text, active)")
        for row in held:
            values = [v.isoformat() if isinstance(v := row[n], date) else v for n in HELD]
            database.execute(f"insert into t values ({', '.join('?' * len(HELD))})", values)
        found = database.execute(f"select {condition} from t order by rowid").fetchall()
    database.close()
    return [None if value is None else bool(value) for (value,) in found]


@settings(max_examples=400, deadline=None)
@given(conditions, rows)
def test_conditions_mean_what_sqlite_says(condition: Said, held: list[dict]) -> None:
    schema = {name: SCHEMA[name] for name in HELD}
    frame = pl.DataFrame(held, schema=schema)
    if len(condition.ours) > 1_500:
        return
    try:
        parsed = parse(condition.ours, schema)
    except AlphaStockError as error:
        # the limits are the only reason to refuse what is built right
        assert any(word in error.what for word in ("words", "nested", "complicated"))  # noqa: PT017
        return
    expected = by_sqlite(condition.sql, held)
    # as rows are chosen by it; as a column polars 2.1 makes one row of some that are all null
    numbered = frame.with_row_index()
    yes = set(numbered.filter(parsed.expr)["index"])
    no = set(numbered.filter(~parsed.expr)["index"])
    assert [True if n in yes else False if n in no else None for n in range(len(held))] == expected
    for row, whole in zip(held, expected, strict=True):
        holds = [clause.holds for clause in parsed.explain(row)]
        joint = False if False in holds else None if None in holds else True
        assert joint == whole, "the clauses together are the condition"
