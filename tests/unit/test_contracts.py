"""Lots, ticks, freeze and hours over the changes of regime, and what is not known."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from alphastock_cli.exchange import contracts
from alphastock_cli.exchange.tables import parse_date, read_table, valid_on

D = date.fromisoformat


def lots(symbol: str, on: str) -> dict[str, int | None]:
    rows = contracts.contract_rows(symbol, D(on))
    return {row.expiry.isoformat(): row.lot_size for row in rows if row.expiry}


# -- lots -----------------------------------------------------------------------------------------


def test_lots_of_nifty_change_inside_one_list() -> None:
    found = lots("NIFTY", "2025-12-15")
    near = {day: lot for day, lot in found.items() if day < "2026-03-01"}
    assert {day for day, lot in near.items() if lot == 75} == {
        "2025-12-16", "2025-12-23", "2025-12-30",
    }  # fmt: skip
    assert {lot for day, lot in near.items() if day >= "2026-01-06"} == {65}
    assert {lot for day, lot in found.items() if day > "2026-03-01"} == {75}
    assert set(lots("NIFTY", "2025-12-31").values()) == {65}


@pytest.mark.parametrize(
    ("symbol", "on", "expiry", "lot"),
    [
        ("NIFTY", "2024-04-25", "2024-04-25", 50),
        ("NIFTY", "2024-04-26", "2024-05-02", 25),
        ("NIFTY", "2024-12-02", "2024-12-26", 25),
        ("NIFTY", "2024-12-02", "2025-01-02", 75),
        ("NIFTY", "2024-12-02", "2025-01-30", 25),
        ("NIFTY", "2024-12-26", "2025-06-26", 25),
        ("NIFTY", "2024-12-27", "2025-06-26", 75),
        ("BANKNIFTY", "2024-12-24", "2025-03-26", 15),
        ("BANKNIFTY", "2024-12-26", "2025-03-27", 30),
        ("BANKNIFTY", "2025-04-25", "2025-06-26", 30),
        ("BANKNIFTY", "2025-04-25", "2025-07-31", 35),
        # the July monthly of 2024 was the first of the new lot, its weeklies kept the old one
        ("FINNIFTY", "2024-07-02", "2024-07-23", 40),
        ("FINNIFTY", "2024-07-02", "2024-07-30", 25),
        ("MIDCPNIFTY", "2024-07-02", "2024-07-22", 75),
        ("MIDCPNIFTY", "2024-07-02", "2024-07-29", 50),
        ("MIDCPNIFTY", "2025-06-02", "2025-06-26", 120),
        ("MIDCPNIFTY", "2025-06-02", "2025-07-31", 140),
        ("SENSEX", "2024-11-25", "2025-01-03", 10),
        ("SENSEX", "2024-11-25", "2025-01-10", 20),
        ("SENSEX", "2024-11-25", "2025-01-31", 10),
        ("SENSEX", "2025-01-02", "2025-01-03", 10),
        ("SENSEX", "2025-01-02", "2025-01-07", 20),
        ("SENSEX", "2025-01-02", "2025-01-28", 10),
        ("SENSEX", "2025-01-02", "2025-02-25", 20),
        ("USDINR", "2026-01-02", "2026-01-28", 1),
    ],
)
def test_lots_over_changes_of_regime(symbol: str, on: str, expiry: str, lot: int) -> None:
    assert contracts.lot_size(symbol, D(expiry), D(on)) == lot
    assert lots(symbol, on).get(expiry, lot) == lot


def test_every_listed_expiry_has_a_lot_that_holds_on_that_day() -> None:
    """No hole in the tables: weekly over three years, every index."""
    names = [s for s in contracts.symbols() if contracts.exchange_of(s) in {"NFO", "BFO"}]
    for symbol in names:
        begin = min(
            max(parse_date(r["valid_from"]) or date.min, D("2023-10-16"))
            for r in read_table("contracts")
            if r["symbol"] == symbol
        )
        for step in range(0, (D("2026-12-31") - begin).days, 7):
            on = begin + timedelta(days=step)
            for row in contracts.contract_rows(symbol, on):
                assert row.lot_size is not None, (symbol, on, row.expiry)
                assert row.valid_from is not None
                assert row.valid_from <= on
                assert row.valid_to is None or on <= row.valid_to


def test_no_two_rows_of_a_table_speak_of_the_same_contract_on_the_same_day() -> None:
    for table, keys in (("contracts", ("symbol",)), ("freeze", ("symbol",)),
                        ("lots", ("symbol", "lot_size"))):  # fmt: skip
        for left in read_table(table):
            for right in read_table(table):
                if left is right or any(left[key] != right[key] for key in keys):
                    continue
                again = _overlap(left, right, "valid")
                if again and table == "lots":
                    again = _overlap(left, right, "expiry")
                assert not again, (table, left, right)
    for left in read_table("lots"):
        for right in read_table("lots"):
            if left["symbol"] == right["symbol"] and left["lot_size"] != right["lot_size"]:
                same = _overlap(left, right, "valid") and _overlap(left, right, "expiry")
                assert not same or _shadowed(left, right), (left, right)


def _overlap(left: dict[str, str], right: dict[str, str], word: str) -> bool:
    (a, b), (c, d) = (
        (parse_date(row[f"{word}_from"]) or date.min, parse_date(row[f"{word}_to"]) or date.max)
        for row in (left, right)
    )
    return a <= d and c <= b


def _shadowed(left: dict[str, str], right: dict[str, str]) -> bool:
    """One of two rows that overlap names a narrower span of expiries and stands first."""
    table = read_table("lots")
    first, second = sorted((left, right), key=table.index)
    begin, end = first["expiry_from"], first["expiry_to"]
    return bool(begin or end) and (begin, end) != (second["expiry_from"], second["expiry_to"])


# -- ticks, multipliers, freeze, hours ------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "tick", "future", "option", "multiplier"),
    [
        ("NIFTY", "0.05", "0.10", "0.05", 1),
        ("BANKNIFTY", "0.05", "0.20", "0.05", 1),
        ("GOLD", "1", "1", "0.50", 100),
        ("GOLDM", "1", "1", "0.50", 10),
        ("SILVER", "1", "1", "0.50", 30),
        ("CRUDEOIL", "1", "1", "0.10", 100),
        ("NATURALGAS", "0.10", "0.10", "0.05", 1250),
        ("LEADMINI", "0.05", "0.05", None, 1000),
        ("USDINR", "0.0025", "0.0025", "0.0025", 1000),
        ("JPYINR", "0.0025", "0.0025", "0.0025", 1000),
    ],
)
def test_ticks_and_multipliers(
    symbol: str, tick: str, future: str, option: str | None, multiplier: int
) -> None:
    row = contracts.contract_rows(symbol, D("2026-02-02"))[0]
    assert row.tick_size == Decimal(tick) == contracts.tick_size(symbol, D("2026-02-02"))
    assert row.future_tick_size == Decimal(future)
    assert row.option_tick_size == (None if option is None else Decimal(option))
    assert row.multiplier == multiplier == contracts.multiplier(symbol, D("2026-02-02"))


def test_the_headline_tick_is_one_of_the_two() -> None:
    for row in read_table("contracts"):
        assert row["tick_size"] in {row["future_tick_size"], row["option_tick_size"]}, row


@pytest.mark.parametrize(
    ("kind", "close", "on", "tick"),
    [
        ("share", "249.99", "2024-06-09", "0.05"),
        ("share", "249.99", "2024-06-10", "0.01"),
        ("share", "250", "2024-06-10", "0.05"),
        ("share", "1000", "2025-04-15", "0.05"),
        ("share", "1000.01", "2025-04-15", "0.10"),
        ("share", "5000.00", "2025-04-15", "0.10"),
        ("share", "10000", "2025-04-15", "0.50"),
        ("share", "20000", "2025-04-15", "1.00"),
        ("share", "20000.05", "2025-04-15", "5.00"),
        ("stock_future", "100", "2024-07-07", "0.05"),
        ("stock_future", "100", "2024-07-08", "0.01"),
        ("stock_option", "100", "2025-11-02", "0.05"),
        ("stock_option", "100", "2025-11-03", "0.01"),
        ("stock_option", "30000", "2025-11-03", "0.05"),
        ("share", None, "2024-06-09", "0.05"),
        ("share", None, "2024-06-10", None),
        ("share", "100", "2023-08-31", None),
    ],
)
def test_ticks_that_follow_the_price(
    kind: str, close: str | None, on: str, tick: str | None
) -> None:
    found = contracts.price_tick(kind, None if close is None else Decimal(close), D(on))
    assert found == (None if tick is None else Decimal(tick))


def test_price_classes_have_neither_holes_nor_overlaps() -> None:
    for kind in ("share", "stock_future", "stock_option"):
        for on in (D("2024-01-01"), D("2024-08-01"), D("2025-05-02"), D("2026-08-18")):
            for paise in (1, 24999, 25000, 99999, 100000, 100001, 500000, 500001, 2000001):
                close = Decimal(paise) / 100
                fitting = [
                    row
                    for row in read_table("price_ticks")
                    if row["kind"] == kind
                    and valid_on(row, on)
                    and Decimal(row["price_from"] or 0)
                    <= close
                    <= Decimal(row["price_to"] or 10**9)
                ]
                assert len(fitting) == 1, (kind, on, close)


@pytest.mark.parametrize(
    ("symbol", "on", "quantity"),
    [
        ("NIFTY", "2025-12-15", 1800),
        ("BANKNIFTY", "2025-08-01", 600),
        ("BANKNIFTY", "2025-09-30", 900),
        ("BANKNIFTY", "2025-10-15", None),
        ("FINNIFTY", "2026-03-02", 1200),
        ("MIDCPNIFTY", "2024-02-15", 5500),
        ("USDINR", "2026-01-02", 10000),
        ("NIFTY", "2026-11-20", None),
    ],
)
def test_freeze_quantities(symbol: str, on: str, quantity: int | None) -> None:
    assert contracts.freeze_quantity(symbol, D(on)) == quantity
    row = contracts.contract_rows(symbol, D(on))[0]
    assert row.freeze_quantity == quantity
    assert ("freeze quantity of" in row.source) == (quantity is None)


@pytest.mark.parametrize(
    ("symbol", "on", "opens", "closes"),
    [
        ("NIFTY", "2025-12-15", "2025-12-15T09:15", "2025-12-15T15:30"),
        ("NIFTY", "2026-08-18", "2026-08-18T09:15", "2026-08-18T15:40"),
        ("NIFTY", "2025-12-13", "2025-12-15T09:15", "2025-12-15T15:30"),
        ("USDINR", "2026-01-02", "2026-01-02T09:00", "2026-01-02T17:00"),
        ("GOLD", "2026-01-02", "2026-01-02T09:00", "2026-01-02T23:55"),
    ],
)
def test_hours_are_those_of_the_day_or_of_the_next_session(
    symbol: str, on: str, opens: str, closes: str
) -> None:
    row = contracts.contract_rows(symbol, D(on))[0]
    assert row.session_open is not None
    assert row.session_close is not None
    assert row.session_open.isoformat() == f"{opens}:00+05:30"
    assert row.session_close.isoformat() == f"{closes}:00+05:30"


def test_what_is_not_known_is_none_and_said() -> None:
    (row,) = contracts.contract_rows("GOLD", D("2026-02-02"))
    assert row.expiry is None
    assert "expiries not in our tables" in row.source
    assert contracts.contract_rows("NOSUCH", D("2026-02-02")) == []
    assert contracts.tick_size("NOSUCH", D("2026-02-02")) is None
    assert contracts.multiplier("NOSUCH", D("2026-02-02")) is None
    assert contracts.lot_size("NOSUCH", None, D("2026-02-02")) is None
