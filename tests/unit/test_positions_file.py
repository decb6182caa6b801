"""Files of positions: their forms and headings, and rows that cannot be used."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.grid_words import parse_grid, parse_span
from alphastock_cli.actions.positions_file import SYNONYMS, read_positions
from alphastock_cli.domain.structure import LegKind
from alphastock_cli.errors import UsageError


def written(folder: Path, text: str, name: str = "book.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


GOOD = 'Tradingsymbol,Qty.,Average Price,IV\nNFO:nifty26dec24000ce,-65,"1,204.50",15%\n'


def test_a_row_as_a_broker_writes_it(tmp_path: Path) -> None:
    (row,) = read_positions(written(tmp_path, "\ufeff" + GOOD))
    assert (row.line, row.tradingsymbol, row.problem) == (2, "NIFTY26DEC24000CE", "")
    assert (row.quantity, row.price, row.iv, row.lots) == (-65, 1204.5, 0.15, None)


def test_terms_instead_of_a_symbol(tmp_path: Path) -> None:
    text = (
        "underlying;expiry;strike;type;lots;price\n"
        "NIFTY;2026-12-29;24000;CE;-2;\n"
        "nifty;29-Dec-2026;;FUT;1;24100\n"
        "SBIN;;;EQ;5;\n"
    )
    option, future, share = read_positions(written(tmp_path, text))
    assert (option.underlying, option.expiry, option.strike) == ("NIFTY", date(2026, 12, 29), 24e3)
    assert (option.kind, option.lots, option.price) == (LegKind.CALL, -2.0, None)
    assert (future.kind, future.expiry, future.price) == (LegKind.FUTURE, option.expiry, 24_100.0)
    assert (share.kind, share.problem) == (LegKind.SHARE, "")


def test_the_same_rows_from_parquet_and_json_lines(tmp_path: Path) -> None:
    rows = [
        {"tradingsymbol": "NIFTY26DEC24000CE", "quantity": -65, "price": 120.5},
        {"tradingsymbol": "NIFTY26DEC23000PE", "quantity": 130, "price": None},
    ]
    lines = written(tmp_path, "\n".join(map(json.dumps, rows)), "book.jsonl")
    pl.DataFrame(rows).write_parquet(tmp_path / "book.parquet")
    text = "tradingsymbol,quantity,price\nNIFTY26DEC24000CE,-65,120.5\nNIFTY26DEC23000PE,130,\n"
    wanted = [
        (r.tradingsymbol, r.quantity, r.price) for r in read_positions(written(tmp_path, text))
    ]
    for path in (lines, tmp_path / "book.parquet"):
        found = read_positions(path)
        assert [(r.tradingsymbol, r.quantity, r.price) for r in found] == wanted
        assert [row.line for row in found] == [1, 2]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("NIFTY26DEC24000CE,zero,,", "quantity 'zero' is no number"),
        ("NIFTY26DEC24000CE,0,,", "not 0"),
        ("NIFTY26DEC24000CE,65.5,,", "whole units"),
        ("NIFTY26DEC24000CE,,,", "neither quantity nor lots"),
        ("NIFTY26DEC24000CE,65,nan,", "price nan is no number"),
        ("NIFTY26DEC24000CE,1e30,,", "quantity 1e30 is more than anybody holds"),
        ("NIFTY26DEC24000CE,65,1e200,", "more than anybody holds"),
        ("NIFTY26DEC24000CE,65,-1,", "below 0"),
        ("NIFTY26DEC24000CE,65,,15", "0.15 or 15%"),
        ("NIFTY26DEC24000CE,65,,much", "not a volatility"),
        ("NIFTY26DEC24000CE,65,1,0.2,7", "5 cells under 4 headings"),
        (",65,,", "no tradingsymbol"),
    ],
)
def test_a_bad_row_says_why_and_disturbs_no_other(cells: str, reason: str, tmp_path: Path) -> None:
    text = f"tradingsymbol,quantity,price,iv\nSBIN,1,,\n{cells}\n\nINFY,-2,3,\n"
    first, bad, last = read_positions(written(tmp_path, text))
    assert reason in bad.problem
    assert bad.line == 3
    assert (first.problem, last.problem, last.line, last.quantity) == ("", "", 5, -2)


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("a,b\n1,2\n", "x.csv", "has the columns a, b"),
        ("tradingsymbol,price\nX,2\n", "x.csv", "has the columns tradingsymbol, price"),
        ("underlying,expiry,quantity\nX,2,1\n", "x.csv", "has the columns underlying"),
        ("symbol,instrument,qty\nX,Y,2\n", "x.csv", "two columns are `tradingsymbol`"),
        ("", "x.csv", "has the columns (none)"),
        ("tradingsymbol,quantity\n", "x.csv", "holds no position"),
        ("[1]\n", "x.jsonl", "line 1"),
        ("rubbish", "x.parquet", "no Parquet file"),
    ],
)
def test_a_file_of_something_else_is_refused(
    text: str, name: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as told:
        read_positions(written(tmp_path, text, name))
    assert reason in told.value.what
    if "has the columns" in reason:
        assert "quantity (or lots)" in told.value.hint


def test_no_file_a_folder_and_foreign_bytes(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path / "none.parquet", tmp_path):
        with pytest.raises(UsageError):
            read_positions(path)
    (tmp_path / "latin.csv").write_bytes(b"tradingsymbol,quantity\nM\xe9,1\n")
    with pytest.raises(UsageError, match="UTF-8"):
        read_positions(tmp_path / "latin.csv")


def test_the_synonyms_are_few_and_documented() -> None:
    docs = Path(__file__).parents[2] / "docs" / "conventions.md"
    text = docs.read_text(encoding="utf-8")
    assert len(SYNONYMS) <= 12
    for word in SYNONYMS:
        assert f"`{word}`" in text, f"{word} is not in docs/conventions.md"


def test_grids() -> None:
    assert parse_span("-10:5:5", option="--iv-range") == (-10.0, -5.0, 0.0, 5.0)
    assert parse_span("-1:1", option="--iv-range")[5] == 0.0
    assert parse_span("0", option="--iv-range") == (0.0,)
    assert parse_span("0:1:0.3", option="--iv-range") == (0.0, 0.3, 0.6, 0.9)
    grid = parse_grid("1", "2", "0, expiry,0")
    assert (len(grid.spot_pct), len(grid.iv_points), grid.days) == (11, 11, (0.0, "expiry"))
    for spot, iv, days in [
        ("x", "", ""), ("1:2:3:4", "", ""), ("5:1", "", ""), ("100", "", ""), ("", "0:5:0", ""),
        ("", "0:5000:1", ""), ("", "", "-1"), ("", "", "soon"), ("", "inf", ""), ("1:", "", ""),
    ]:  # fmt: skip
        with pytest.raises(UsageError):
            parse_grid(spot, iv, days)
