"""`sql` reads tables and nothing else: no file, no write, no endless work; errors in words."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from alphastock_cli.actions.sql import run_sql
from alphastock_cli.errors import AlphaStockError, UnknownName, UsageError

IST = ZoneInfo("Asia/Kolkata")
ROWS = pl.DataFrame(
    {
        "symbol": ["SBIN", "SBIN", "INFY", "INFY", "M&M"],
        "date": [date(2026, 8, 13), date(2026, 8, 14)] * 2 + [date(2026, 8, 14)],
        "close": [804.0, 816.0, 1500.0, 1470.0, None],
        "turnover": [8.0e8, 8.2e8, 6.0e8, 5.9e8, 2.7e8],
    }
)


class Opened(Mapping[str, pl.LazyFrame]):
    """Tables that remember which were opened."""

    def __init__(self, tables: Mapping[str, pl.LazyFrame]) -> None:
        self.tables = tables
        self.names: list[str] = []

    def __getitem__(self, name: str) -> pl.LazyFrame:
        self.names.append(name)
        return self.tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)


@pytest.fixture
def tables() -> Opened:
    other = pl.LazyFrame({"symbol": ["SBIN"], "lot_size": [750]})
    return Opened({"equities_day": ROWS.lazy(), "lots": other, "rejects": other})


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary.csv"
    path.write_text("secret\ncanary\n")
    return path


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            """select symbol, close from equities_day where date = '2026-08-14'
            order by turnover desc limit 10""",
            [("SBIN", 816.0), ("INFY", 1470.0), ("M&M", None)],
        ),
        (
            "select symbol, max(close) from equities_day group by symbol order by symbol",
            [("INFY", 1500.0), ("M&M", None), ("SBIN", 816.0)],
        ),
        ("SELECT count(*) AS n FROM EQUITIES_DAY WHERE date >= '2026-08-14'", [(3,)]),
        ("select max(date) as d from equities_day", [(date(2026, 8, 14),)]),
        (
            """with m as (select symbol, avg(close) as c from equities_day group by symbol)
            select e.symbol from equities_day e join m on e.symbol = m.symbol
            where e.close > m.c order by e.symbol -- above their mean""",
            [("INFY",), ("SBIN",)],
        ),
        ("select symbol from equities_day where symbol = 'it''s' or symbol = 'M&M';", [("M&M",)]),
        ("select 'a;b' as x /* one; statement */", [("a;b",)]),
        ("select 'a.b/c' as x, 'd.csv' as y", [("a.b/c", "d.csv")]),
        ("select count(*) from equities_day where symbol in ('a.csv', 'b/c')", [(0,)]),
        ("select 1 from equities_day where symbol in (select symbol from lots) limit 1", [(1,)]),
        ("show tables", [("equities_day",), ("lots",), ("rejects",)]),
    ],
)
def test_what_can_be_asked(tables: Opened, query: str, expected: list[tuple[object, ...]]) -> None:
    assert run_sql(query, tables).rows() == expected


def test_only_the_tables_named_are_opened(tables: Opened) -> None:
    run_sql("select 1 from equities_day limit 1", tables)
    assert set(tables.names) == {"equities_day"}
    tables.names.clear()
    run_sql("show tables", tables)
    run_sql("select 'lots' as word", tables)
    assert tables.names == []


def test_explain_shows_the_plan(tables: Opened) -> None:
    assert "symbol" in run_sql("explain select symbol from equities_day", tables).item()


def test_the_second_route_is_sqlite(tables: Opened) -> None:
    query = (
        "select symbol, count(*) as n, min(close) as low, sum(turnover) as total "
        "from equities_day where date >= '2026-08-13' group by symbol "
        "having sum(turnover) > 3e8 order by total desc"
    )
    with sqlite3.connect(":memory:") as other:
        other.execute("create table equities_day (symbol, date, close, turnover)")
        rows = [(s, d.isoformat(), c, t) for s, d, c, t in ROWS.rows()]
        other.executemany("insert into equities_day values (?,?,?,?)", rows)
        expected = other.execute(query).fetchall()
    other.close()
    assert run_sql(query, tables).rows() == expected


def test_no_infinity_and_no_nan_comes_out(tables: Opened) -> None:
    query = "select close / (close - close) as a, (close - close) / (close - close) as b, 1.5 as c"
    frame = run_sql(f"{query} from equities_day", tables)
    assert frame["a"].to_list() == frame["b"].to_list() == [None] * 5
    assert frame["c"].to_list() == [1.5] * 5
    assert not any(
        isinstance(v, float) and not math.isfinite(v) for row in frame.rows() for v in row
    )


@pytest.mark.parametrize(
    "query",
    [
        "drop table equities_day",
        "DROP TABLE equities_day",
        "create table x as select * from equities_day",
        "delete from equities_day",
        "truncate table equities_day",
        "insert into equities_day values (1)",
        "update equities_day set close = 1",
        "copy equities_day to 'x.csv'",
        "alter table equities_day drop column close",
        "explain drop table equities_day",
        "with x as (select 1) delete from equities_day",
        "select * into x from equities_day",
        "attach 'x' as y",
        "set x = 1",
        "values (1)",
        "from equities_day",
        "describe equities_day",
        "show databases",
        "show tables; select 1",
        "select 1; select 2",
        "select 1; drop table equities_day",
        "; select 1",
        "",
        "   ",
        "-- nothing",
        "/* select 1",
        "select 'open",
        'select "open',
        "select `open",
        "select 1 )))",
        "select (1",
        "select $1",
        "select 1 # x",
        "select @@version",
        "select 1 \x00",
        "sel\u200bect 1",
    ],
)
def test_what_is_no_plain_reading_is_refused(tables: Opened, query: str) -> None:
    with pytest.raises(UsageError):
        run_sql(query, tables)


FILES = [
    "select * from read_csv('{}')",
    "select * from READ_CSV('{}')",
    "select * from Read_Csv ('{}')",
    "select * from read_csv/* */('{}')",
    "select * from read_csv -- x\n('{}')",
    "select * from \"read_csv\"('{}')",
    "select * from `read_csv`('{}')",
    "select * from scan_csv('{}')",
    "select * from read_parquet('{}')",
    "select * from read_ipc('{}')",
    "select * from read_json('{}')",
    "select * from read_ndjson('{}')",
    "select * from '{}'",
    'select * from "{}"',
    "select * from `{}`",
    "select * from equities_day, '{}'",
    "select * from equities_day e, lots l, '{}'",
    "select * from equities_day join '{}' using (symbol)",
    "select * from equities_day cross join read_csv('{}')",
    "select * from equities_day where symbol in (select secret from read_csv('{}'))",
    "select * from equities_day where exists (select 1 from '{}')",
    "select (select secret from read_csv('{}'))",
    "with c as (select * from read_csv('{}')) select * from c",
    "select symbol from equities_day union all select secret from read_csv('{}')",
    "explain select * from read_csv('{}')",
    "select * from 'https://127.0.0.1:1/x.csv'",
    "select * from read_csv('https://127.0.0.1:1/x.csv')",
    # what a reader of quotes and comments could be led to overlook
    "select $$'$$ as q, secret from read_csv('{}') --'",
    "select $a$'$a$ as q, secret from read_csv('{}') --'",
    "select /* /* */ ' */ secret from read_csv('{}') --'",
    "select E'\\'' as q, secret from read_csv('{}') --'",
    "select e'\\'', secret from read_csv('{}') --'",
    "select '\\' as q, secret from read_csv('{}') --'",
    "select N'x' as q, secret from read_csv('{}')",
    "select U&'\\0027' as q, secret from read_csv('{}')",
    "select [x'] as q, secret from read_csv('{}') --']",
    "select '''' as q, secret from read_csv('{}') --'''",
    'select "a""" as q, secret from read_csv(\'{}\')',
    "select 1 --\r, secret from read_csv('{}')",
]


@pytest.mark.parametrize("query", FILES)
def test_no_file_and_no_address_is_opened(tables: Opened, canary: Path, query: str) -> None:
    with pytest.raises(AlphaStockError) as refused:
        run_sql(query.format(canary), tables)
    assert refused.value.exit_code == 2
    assert tables.names == [], "refused before anything was opened"


def test_files_open_where_that_is_allowed(tables: Opened, canary: Path) -> None:
    with pytest.raises(UsageError) as refused:
        run_sql(f"select * from read_csv('{canary}')", tables)
    assert "--allow-files" in refused.value.hint
    found = run_sql(f"select * from read_csv('{canary}')", tables, allow_files=True)
    assert found.rows() == [("canary",)]
    with pytest.raises(UsageError, match="cannot be run"):
        run_sql("select * from read_csv('/nowhere/x.csv')", tables, allow_files=True)
    for query in ("drop table lots", "select 1; select 2", "select * into x from lots"):
        with pytest.raises(UsageError):
            run_sql(query, tables, allow_files=True)


@pytest.mark.parametrize(
    "query",
    [
        "select " + "(" * 10_000 + "1" + ")" * 10_000,
        "select " + "1" * 30_000,
        "select " + "1, " * 6_000 + "1",
        "select " + "1 + " * 1_400 + "1",
        "select " + "- " * 5_000 + "1",
        "select " + "not " * 2_900 + "true",
        "select " + "case when true then " * 700 + "1",
        "select " + "close and " * 1_400 + "close from equities_day",
        "select " + "close = " * 1_400 + "close from equities_day",
        "select close" + " between 1 and 2" * 200 + " from equities_day",
        "select " + "(" * 29 + "close" + " between 1 and 2)" * 29 + " from equities_day",
        "select " + "nullif(" * 29 + "close" + ",1)" * 29 + " from equities_day",
        "select close from equities_day " + "union all select close from equities_day " * 400,
        "select * from equities_day " + "join lots using (symbol) " * 200,
        "select " + "interval " * 1_400,
        "select " + "interval " * 200,
        "select " + "[" * 500 + "]" * 500,
        "explain " * 900 + "select 1",
        "x" * 1_000_000,
        "select " + "'" * 19_001,
        "select " + "/*" * 5_000,
    ],
    ids=range(21),
)
def test_long_and_deep_queries_are_refused_soon(tables: Opened, query: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(UsageError) as refused:
        run_sql(query, tables)
    assert len(refused.value.what) < 400
    assert time.perf_counter() - begin < 30.0, "a hang, not a slow machine"


def test_long_lists_are_no_danger(tables: Opened) -> None:
    listed = ",".join(f"'S{i}'" for i in range(1_400))
    query = f"select count(*) from equities_day where symbol in ('SBIN',{listed})"
    assert run_sql(query, tables).item() == 2


@pytest.mark.parametrize(
    ("query", "kind", "told"),
    [
        ("select * from equity_day", UnknownName, "equities_day"),
        ("select * from nobody_knows", UnknownName, "Known: equities_day, lots, rejects"),
        ("select clsoe from equities_day", UnknownName, "close"),
        ("select e.clsoe from equities_day e", UnknownName, "close"),
        ("select symbol from equities_day where date = 'soon'", UsageError, "YYYY-MM-DD"),
        ("select close as a, date as a from equities_day", UsageError, "`as`"),
        ("select nofunc(close) from equities_day", UsageError, "nofunc"),
        ("select select 1", UsageError, "sql parser error"),
        ("select upper(close) from equities_day", UsageError, "String"),
    ],
)
def test_mistakes_are_explained(
    tables: Opened, query: str, kind: type[AlphaStockError], told: str
) -> None:
    with pytest.raises(kind) as refused:
        run_sql(query, tables)
    assert told in refused.value.what + refused.value.hint
    assert "\n" not in refused.value.what
