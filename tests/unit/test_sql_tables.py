"""The tables `sql` offers: which are opened, what is hidden before its moment."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.sql import run_sql
from alphastock_cli.actions.sql_tables import Tables, result_of
from alphastock_cli.domain.frames import DATASETS
from alphastock_cli.domain.ports import MarketData
from alphastock_cli.errors import DamagedData, UnknownName
from alphastock_cli.providers.sim.exchange import SimExchange
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock
from tests.unit.test_sql import IST


class Wires:
    """A lake, and the simulated exchange under its name."""

    def __init__(self, root: Path, clock: ManualClock, as_of: datetime | None = None) -> None:
        self.lake = Lake(root)
        self.clock = clock
        self.moment = as_of

    def provider(self, name: str | None = None) -> MarketData:
        assert name == "sim"
        return SimExchange(self.clock, universe=3, as_of=self.moment)


def _day(symbol: str, day: date, close: float) -> dict[str, object]:
    return {"exchange": "NSE", "symbol": symbol, "series": "EQ", "date": day, "close": close}


@pytest.fixture
def wires(tmp_path: Path, clock: ManualClock) -> Wires:
    wires = Wires(tmp_path / "lake", clock)
    rows = [_day("SBIN", date(2026, 8, day), 800.0 + day) for day in (12, 13, 14)]
    wires.lake.upsert("equities_day", pl.DataFrame(rows))
    changes = {"old": ["A", "B", "C"], "new": ["D", "E", "F"], "source": ["x"] * 3}
    days = [date(2026, 8, 1), date(2026, 9, 1), None]
    wires.lake.upsert("symbol_changes", pl.DataFrame(changes | {"effective_date": days}))
    member = {
        "index": "NIFTY 50", "symbol": "SBIN", "source": "x",
        "valid_from": date(2026, 1, 1), "valid_to": date(2026, 9, 30),
    }  # fmt: skip
    wires.lake.upsert("membership", pl.DataFrame([member]))
    return wires


def test_the_lake_is_asked_unless_another_provider_is_named(wires: Wires) -> None:
    tables = Tables(wires)
    assert sorted(tables) == sorted(DATASETS)
    result = result_of(run_sql("select max(close) as c from equities_day", tables), tables)
    assert list(result.records()) == [{"c": 814.0}]
    assert (result.source, result.simulated) == ("lake", False)
    assert result.as_of is not None
    assert result.as_of.date() == date(2026, 8, 14)
    assert result.as_of.utcoffset() == datetime(2026, 8, 14, tzinfo=IST).utcoffset()


def test_a_table_without_days_has_no_moment(wires: Wires) -> None:
    tables = Tables(wires, provider="lake")
    assert result_of(run_sql("select count(*) from lots", tables), tables).as_of is None


@pytest.mark.parametrize(
    ("moment", "last"),
    [
        ("2026-08-13T11:00", date(2026, 8, 12)),
        ("2026-08-13T18:00", date(2026, 8, 13)),
        ("2026-08-13T23:59:59", date(2026, 8, 13)),
        ("2026-08-16T10:00", date(2026, 8, 14)),
    ],
)
def test_what_was_not_known_then_is_hidden(wires: Wires, moment: str, last: date) -> None:
    as_of = datetime.fromisoformat(moment).replace(tzinfo=IST)
    tables = Tables(wires, as_of=as_of)
    assert run_sql("select max(date) from equities_day", tables).item() == last
    assert tables.as_of is not None
    assert tables.as_of <= as_of
    assert run_sql("select old from symbol_changes order by old", tables)["old"].to_list() == [
        "A",
        "C",
    ]
    assert run_sql("select valid_to from membership", tables).item() is None, "not ended yet"


@pytest.mark.parametrize(
    ("moment", "rows", "last"),
    [
        ("2026-08-12T15:00", 0, None),
        ("2026-08-12T18:00", 3, "2026-08-12T15:40"),  # F&O ends later than shares do
        ("2026-08-12T23:59", 4, "2026-08-12T23:30"),  # commodities later still
        ("2026-09-01T10:00", 8, "2026-08-31T23:30"),
        (None, 8, "2026-08-31T23:30"),
    ],
)
def test_contracts_are_known_when_their_own_session_is_over(
    wires: Wires, moment: str | None, rows: int, last: str | None
) -> None:
    base = {"expiry": date(2026, 9, 29), "option_type": "CE", "symbol": "NIFTY"}
    wires.lake.upsert(
        "options_day",
        pl.DataFrame(
            [
                base | {"exchange": exchange, "date": day, "strike": float(strike)}
                for exchange, strikes in (("NFO", (1, 2, 3)), ("MCX", (4,)))
                for day in (date(2026, 8, 12), date(2026, 8, 31))
                for strike in strikes
            ]
        ),
    )
    as_of = None if moment is None else datetime.fromisoformat(moment).replace(tzinfo=IST)
    tables = Tables(wires, as_of=as_of)
    assert run_sql("select count(*) from options_day", tables).item() == rows
    wanted = None if last is None else datetime.fromisoformat(last).replace(tzinfo=IST)
    assert tables.as_of == wanted


def test_every_dataset_can_be_asked_with_and_without_a_moment(wires: Wires) -> None:
    for as_of in (None, datetime(2026, 8, 14, 18, tzinfo=IST)):
        tables = Tables(wires, as_of=as_of)
        for name in DATASETS:
            columns = run_sql(f"select * from {name} limit 1", tables).columns
            assert columns == list(DATASETS[name])


def test_the_simulated_exchange_says_that_it_is_simulated(
    tmp_path: Path, clock: ManualClock
) -> None:
    moment = datetime(2026, 8, 14, 18, tzinfo=IST)
    tables = Tables(Wires(tmp_path, clock, moment), provider="sim", as_of=moment)
    query = "select max(date) as d from equities_day"
    result = result_of(run_sql(query, tables), tables)
    assert list(result.records()) == [{"d": date(2026, 8, 14)}]
    assert (result.source, result.simulated) == ("sim", True)
    assert run_sql("select count(*) from instruments", tables).item() == 3
    with pytest.raises(UnknownName, match="lots"):
        run_sql("select * from lots", tables)
    assert not (tmp_path / "lake").exists()


def test_a_damaged_file_is_no_mistake_of_the_query(wires: Wires) -> None:
    path = wires.lake.files("equities_day")[0]
    data = bytearray(path.read_bytes())
    data[4:200] = b"\xff" * 196
    path.write_bytes(bytes(data))
    with pytest.raises(DamagedData) as refused:
        run_sql("select * from equities_day", Tables(wires))
    assert "lake repair" in refused.value.hint
    assert run_sql("show tables", Tables(wires)).height == len(DATASETS)
