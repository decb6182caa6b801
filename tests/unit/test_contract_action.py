"""What `contract` answers for indices, commodities, currencies and shares."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.contract import contract
from alphastock_cli.domain.frames import EQUITIES_DAY, FREEZE_QUANTITIES, LOTS, conform
from alphastock_cli.errors import OutOfRange, UnknownName
from alphastock_cli.store.lake import Lake

DAY = date(2025, 12, 15)
CONTRACT = ["symbol", "expiry", "lot_size", "tick_size", "multiplier", "freeze_quantity",
            "session_open", "session_close", "valid_from", "valid_to", "source"]  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def put(lake: Lake, dataset: str, schema: pl.Schema, rows: list[dict[str, object]]) -> None:
    lake.upsert(dataset, conform(pl.DataFrame(rows), schema, what=dataset))


def close(symbol: str, value: float, isin: str) -> dict[str, object]:
    return {
        "date": date(2025, 11, 28), "exchange": "NSE", "symbol": symbol, "series": "EQ",
        "close": value, "turnover": 1e6, "isin": isin,
    }  # fmt: skip


@pytest.mark.parametrize("word", ["NIFTY", "nifty", " nifty 50 ", "Nifty50", "NIFTY 50"])
def test_every_spelling_of_an_index_shows_its_expiries(lake: Lake, word: str) -> None:
    result = contract(word, DAY, lake=lake)
    assert result.kind == "contract"
    assert result.columns()[: len(CONTRACT)] == CONTRACT
    assert result.summary == {"symbol": "NIFTY", "underlying_index": "NIFTY 50", "on": DAY}
    lots = {row["expiry"]: row["lot_size"] for row in result.records()}
    assert lots[date(2025, 12, 30)] == 75
    assert lots[date(2026, 1, 6)] == 65
    assert all(row["source"] for row in result.records())


@pytest.mark.parametrize(
    ("word", "symbol", "rows", "index"),
    [("sensex", "SENSEX", 19, "SENSEX"), ("Nifty Bank", "BANKNIFTY", 6, "NIFTY BANK"),
     ("gold", "GOLD", 1, None), ("usdinr", "USDINR", 12, None)],
)  # fmt: skip
def test_other_symbols(lake: Lake, word: str, symbol: str, rows: int, index: str | None) -> None:
    result = contract(word, DAY, lake=lake)
    assert (len(result), result.summary["symbol"]) == (rows, symbol)
    assert result.summary["underlying_index"] == index


def test_a_share_without_loaded_lots_is_one_row(lake: Lake) -> None:
    (row,) = contract("sbin", DAY, lake=lake).records()
    assert (row["symbol"], row["expiry"], row["lot_size"], row["exchange"]) == (
        "SBIN", None, 1, "NSE",
    )  # fmt: skip
    assert row["tick_size"] is None
    assert "close of 2025-11-28, which is not stored" in row["source"]
    assert "fetch reference" in row["source"]


@pytest.mark.parametrize(
    ("value", "tick"), [(249.99, "0.01"), (979.0, "0.05"), (1552.2, "0.10"), (15000.0, "1.00")]
)
def test_the_tick_of_a_share_follows_the_close_of_the_month_before(
    lake: Lake, value: float, tick: str
) -> None:
    put(lake, "equities_day", EQUITIES_DAY, [close("SBIN", value, "INE062A01020")])
    (row,) = contract("SBIN", DAY, lake=lake).records()
    assert row["tick_size"] == Decimal(tick)
    assert "of 2025-11-28" in row["source"]


def test_no_tick_is_claimed_for_the_units_of_a_fund(lake: Lake) -> None:
    put(lake, "equities_day", EQUITIES_DAY, [close("NIFTYBEES", 296.49, "INF204KB14I2")])
    (row,) = contract("NIFTYBEES", DAY, lake=lake).records()
    assert row["tick_size"] is None
    assert "not known to be a company's share" in row["source"]


def test_a_share_with_loaded_lots_shows_its_contracts(lake: Lake) -> None:
    put(lake, "equities_day", EQUITIES_DAY, [close("SBIN", 979.0, "INE062A01020")])
    lots = [
        {"symbol": "SBIN", "contract_month": date(2025, month, 1), "lot_size": size,
         "valid_from": date(2025, 12, 1), "source": "fo_mktlots"}
        for month, size in ((11, 700), (12, 750))
    ]  # fmt: skip
    put(lake, "lots", LOTS, lots)
    freeze = {"symbol": "SBIN", "freeze_quantity": 45000, "valid_from": date(2025, 12, 1),
              "source": "qtyfreeze"}  # fmt: skip
    put(lake, "freeze_quantities", FREEZE_QUANTITIES, [freeze])
    own, december, january, february = contract("SBIN", DAY, lake=lake).records()
    assert own["kind"] == "share"
    assert (december["expiry"], december["lot_size"]) == (date(2025, 12, 30), 750)
    assert (january["expiry"], january["lot_size"]) == (date(2026, 1, 27), None)
    assert "lot of that month not loaded" in january["source"]
    assert february["freeze_quantity"] == 45000
    assert december["future_tick_size"] == december["option_tick_size"] == Decimal("0.05")


def test_a_list_loaded_later_or_long_before_does_not_answer(lake: Lake) -> None:
    rows = [
        {"symbol": "BANKNIFTY", "freeze_quantity": quantity, "valid_from": day, "source": "list"}
        for quantity, day in ((1200, date(2024, 2, 1)), (111, date(2025, 11, 1)))
    ]
    put(lake, "freeze_quantities", FREEZE_QUANTITIES, rows)
    unknown = contract("BANKNIFTY", date(2025, 10, 15), lake=lake)
    assert {row["freeze_quantity"] for row in unknown.records()} == {None}
    put(lake, "freeze_quantities", FREEZE_QUANTITIES,
        [rows[0] | {"freeze_quantity": 900, "valid_from": date(2025, 10, 1)}])  # fmt: skip
    known = list(contract("BANKNIFTY", date(2025, 10, 15), lake=lake).records())
    assert {row["freeze_quantity"] for row in known} == {900}
    assert all("freeze quantity: list of 2025-10-01" in row["source"] for row in known)
    assert all("not in our tables" not in row["source"] for row in known)


def test_unknown_names_get_the_nearest_ones_or_a_way_on(lake: Lake) -> None:
    with pytest.raises(UnknownName) as near:
        contract("NIFTTY", DAY, lake=lake)
    assert "NIFTY" in near.value.hint
    with pytest.raises(UnknownName) as far:
        contract("XQZWV", DAY, lake=lake)
    assert "fetch reference" in far.value.hint


def test_an_index_without_contracts_says_so(lake: Lake) -> None:
    with pytest.raises(UnknownName, match="INDIA VIX is an index without contracts") as error:
        contract("india vix", DAY, lake=lake)
    assert "BANKNIFTY" in error.value.hint


def test_a_day_outside_the_tables_is_refused(lake: Lake) -> None:
    with pytest.raises(OutOfRange):
        contract("NIFTY", date(2027, 6, 1), lake=lake)
