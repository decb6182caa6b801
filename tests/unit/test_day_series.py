"""Days of a broker at rest: a series is one telling, whole or asked for again."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pytest

from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history, show_plan
from alphastock_cli.actions.history_done import Done
from alphastock_cli.actions.history_jobs import pieces
from alphastock_cli.domain.frames import CANDLES_DAY, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Interval
from alphastock_cli.errors import DamagedData, PartlyDone, TransientError
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.kite import history
from alphastock_cli.store.candle_checks import CandleFile
from alphastock_cli.store.candle_names import continuous_name
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

D = date
FIRST = D(2025, 1, 1)
NOW = datetime(2026, 8, 14, 11, 30, tzinfo=IST)


class Broker:
    """Days out of a rule, asked as Kite is; counts its calls."""

    name: ClassVar[str] = "kite"

    def __init__(self, clock: ManualClock, *, longest: int = 400) -> None:
        self.clock, self._longest = clock, longest
        self.calls: list[tuple[str, date, date]] = []
        self.factor = 1.0
        self.fail_at = 0

    def listed(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        return {"exchange": exchange.value, "tradingsymbol": symbol, "underlying": None,
                "expiry": None, "option_type": None, "asset_type": AssetType.EQUITY.value,
                "strike": None, "instrument_token": 1}  # fmt: skip

    def joined(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        raise NotImplementedError

    def longest(self, interval: Interval) -> int:
        assert interval is Interval.DAY
        return self._longest

    def final_before(self) -> datetime:
        return self.clock.now() - timedelta(seconds=15)

    def checked(
        self, row: dict[str, Any], interval: Interval, span: tuple[date, date], *,
        oi: bool = False, continuous: bool = False,
    ) -> CandleFile:  # fmt: skip
        del interval, oi, continuous
        self.calls.append((row["tradingsymbol"], *span))
        if len(self.calls) == self.fail_at:
            raise TransientError("Kite is away")
        rows = []
        for day in calendar.sessions(calendar.Segment.EQUITY, *span):
            middle = 100.0 + day.toordinal() % 7
            prices = [round(each * self.factor, 2) for each in (middle, middle + 1, middle - 1)]
            rows.append([f"{day}T00:00:00+0530", *prices, prices[0], 1000])
        return history.checked_days(
            rows, symbol=row["tradingsymbol"], exchange=Exchange(row["exchange"]), span=span,
            now=self.final_before(), index=False, steady=True,
        )  # fmt: skip

    def last_ranges(self, rows: list[dict[str, Any]]) -> pl.DataFrame:
        del rows
        return pl.DataFrame(schema=["exchange", "symbol", "date", "high", "low"])

    def pace(self) -> tuple[int, float]:
        return 3, 1.0

    def use(self) -> dict[str, Any]:
        return {}

    def remarks(self) -> list[str]:
        return []


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def wanted(*symbols: str, first: date = FIRST, last: date | None = None) -> HistoryRequest:
    return HistoryRequest(symbols=symbols, interval="day", first=first, last=last)


def days(lake: Lake, symbol: str = "SBIN") -> pl.DataFrame:
    return lake.scan("candles_day").filter(symbol=symbol).sort("date").collect()


def row(symbol: str, day: date, close: float, **more: Any) -> dict[str, Any]:
    return {"date": day, "exchange": "NSE", "symbol": symbol, "close": close} | more


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return conform(pl.DataFrame(list(rows), infer_schema_length=None), CANDLES_DAY, what="test")


def test_a_name_of_joined_contracts_is_that_of_no_contract() -> None:
    assert continuous_name("NIFTY") == "NIFTY CONTINUOUS"


def test_pieces_hold_every_day_once() -> None:
    found = pieces(D(2020, 2, 27), D(2026, 8, 13), 2000)
    held = [
        first + timedelta(days=n) for first, last in found for n in range((last - first).days + 1)
    ]
    assert held == [D(2020, 2, 27) + timedelta(days=n) for n in range(len(held))]
    assert held[-1] == D(2026, 8, 13)
    assert all((last - first).days < 2000 for first, last in found)


# -- the lake --------------------------------------------------------------------------------------


def test_a_series_replaces_itself_and_nothing_else(lake: Lake) -> None:
    lake.replace("candles_day", frame(
        row("A", D(2025, 12, 31), 1.0), row("A", D(2026, 1, 1), 2.0), row("B", D(2026, 1, 1), 3.0)
    ), [("NSE", "A"), ("NSE", "B")])  # fmt: skip
    files = lake.replace("candles_day", frame(row("A", D(2026, 1, 2), 5.0)), [("NSE", "A")])
    held = lake.scan("candles_day").select("symbol", "date", "close").sort("symbol").collect()
    assert held.rows() == [("A", D(2026, 1, 2), 5.0), ("B", D(2026, 1, 1), 3.0)]
    assert set(files) == {"candles_day/2025.parquet", "candles_day/2026.parquet"}
    same = lake.replace("candles_day", frame(row("A", D(2026, 1, 2), 5.0)), [("NSE", "A")])
    assert same == ()
    other = frame(row("A", D(2026, 1, 2), 7.0) | {"exchange": "BSE"})
    lake.replace("candles_day", other, [("BSE", "A")])
    assert lake.scan("candles_day").filter(symbol="A").collect().height == 2


def test_only_series_are_replaced(lake: Lake) -> None:
    with pytest.raises(AssertionError):
        lake.replace("equities_day", frame(), [])


# -- asking ----------------------------------------------------------------------------------------


def test_a_missing_day_renews_the_whole_series(lake: Lake, clock: ManualClock) -> None:
    broker = Broker(clock)
    first = fetch_history(broker, lake, clock, wanted("SBIN", last=D(2026, 8, 7)))
    assert first.summary["calls"] == 2  # 400 days a call here
    assert days(lake)["date"][-1] == D(2026, 8, 7)
    broker.calls.clear()
    broker.factor = 0.5
    clock.sleep(4 * 86_400)
    again = fetch_history(broker, lake, clock, wanted("SBIN", first=D(2026, 8, 10)))
    assert broker.calls[0][1] == D(2025, 1, 1), "from the first stored day on"
    held = days(lake)
    assert set(held["adjusted_as_of"]) == {D(2026, 8, 18)}
    assert again.summary["changed"] == first.summary["added"]
    assert held["date"].to_list() == list(
        calendar.sessions(calendar.Segment.EQUITY, D(2025, 1, 1), D(2026, 8, 17))
    )
    assert held["close"].max() < 54  # type: ignore[operator]


def test_an_earlier_start_renews_it_too(lake: Lake, clock: ManualClock) -> None:
    broker = Broker(clock, longest=2000)
    fetch_history(broker, lake, clock, wanted("SBIN", first=D(2026, 1, 1)))
    broker.factor = 0.1
    fetch_history(broker, lake, clock, wanted("SBIN", first=D(2025, 6, 2), last=D(2025, 6, 30)))
    assert days(lake)["date"][0] == D(2025, 6, 2)
    assert days(lake)["date"][-1] == D(2026, 8, 13)
    assert days(lake)["close"].max() < 11  # type: ignore[operator]


def test_half_a_series_is_not_stored(lake: Lake, clock: ManualClock) -> None:
    broker = Broker(clock)
    fetch_history(broker, lake, clock, wanted("INFY", first=D(2026, 8, 3)))
    before = days(lake, "INFY")
    broker.calls.clear()
    broker.fail_at, broker.factor = 4, 0.5
    with pytest.raises(PartlyDone) as caught:
        fetch_history(broker, lake, clock, wanted("SBIN", "INFY", first=D(2024, 1, 1)))
    assert caught.value.safe == "The answers of 3 of 6 calls are stored."
    assert days(lake, "INFY").equals(before)
    assert set(days(lake, "SBIN")["adjusted_as_of"]) == {D(2026, 8, 14)}
    broker.calls.clear()
    fetch_history(broker, lake, clock, wanted("SBIN", "INFY", first=D(2024, 1, 1)))
    assert {name for name, *_ in broker.calls} == {"INFY"}


def test_a_write_that_breaks_off_is_made_good(lake: Lake, clock: ManualClock) -> None:
    """Between two years of a series: it counts as not answered, so it is asked for whole."""
    broker = Broker(clock, longest=2000)
    fetch_history(broker, lake, clock, wanted("SBIN"))
    broken = lake.root / "candles_day" / "2026.parquet"
    sound = broken.read_bytes()
    broken.write_bytes(b"PAR1 no more")
    broker.factor = 0.5
    clock.sleep(4 * 86_400)
    with pytest.raises(DamagedData):
        fetch_history(broker, lake, clock, wanted("SBIN"))
    broken.write_bytes(sound)
    Done(lake, Interval.DAY).forget([(Exchange.NSE, "SBIN")])  # as the load does before it writes
    plan = next(show_plan(broker, lake, wanted("SBIN")).records())
    assert (plan["stored"], plan["calls"]) == (0, 1)
    fetch_history(broker, lake, clock, wanted("SBIN"))
    assert days(lake)["close"].max() < 54  # type: ignore[operator]
    assert days(lake)["adjusted_as_of"].n_unique() == 1


def test_a_lost_file_is_asked_for_again(lake: Lake, clock: ManualClock) -> None:
    broker = Broker(clock, longest=2000)
    fetch_history(broker, lake, clock, wanted("SBIN"))
    before = days(lake)
    (lake.root / "candles_day" / "2025.parquet").unlink()
    assert next(show_plan(broker, lake, wanted("SBIN")).records())["calls"] == 1
    fetch_history(broker, lake, clock, wanted("SBIN"))
    assert days(lake).equals(before)


def test_a_stale_adjustment_is_told(lake: Lake, clock: ManualClock) -> None:
    broker = Broker(clock, longest=2000)
    request = wanted("SBIN", last=D(2026, 8, 7))
    fetch_history(broker, lake, clock, request)
    clock.sleep(30 * 86_400)
    told = fetch_history(broker, lake, clock, request)
    assert told.summary["calls"] == 0
    assert "stored shares are adjusted as of 2026-08-14 or later" in told.warnings[-1]


# -- checking --------------------------------------------------------------------------------------


def checked(*rows: list[Any], now: datetime = NOW, **more: Any) -> CandleFile:
    words = {"symbol": "X", "exchange": Exchange.NSE, "span": (D(2026, 8, 1), D(2026, 8, 14)),
             "now": now, "index": False, "steady": True} | more  # fmt: skip
    return history.checked_days(rows, **words)  # type: ignore[arg-type]


def day(text: str, close: Any = 100.0, volume: Any = 5) -> list[Any]:
    return [f"{text}T00:00:00+0530", 100.0, 101.0, 99.0, close, volume]


def test_the_day_under_way_is_left_out_and_not_set_aside() -> None:
    found = checked(day("2026-08-13"), day("2026-08-14"))
    assert found.candles["time"].dt.date().to_list() == [D(2026, 8, 13)]
    assert found.rejects.is_empty()
    evening = NOW.replace(hour=18)
    assert checked(day("2026-08-14"), now=evening).candles.height == 1


def test_a_row_twice_is_one_row_and_a_contradiction_is_none() -> None:
    found = checked(
        day("2026-08-12"), day("2026-08-12"), day("2026-08-13"), day("2026-08-13", 100.5)
    )
    assert found.candles["time"].dt.date().to_list() == [D(2026, 8, 12)]
    assert found.repeated == 1
    assert set(found.rejects["reason"]) == {"contradicts another row of the same day"}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (day("2026-08-12", None), "a price is missing or no number"),
        (day("2026-08-12", 0.0), "a price is not positive"),
        (day("2026-08-12", 102.0), "low, open, close and high contradict each other"),
        (day("2026-08-12", volume=-1), "the volume is no whole number from 0"),
        (day("2026-08-12", volume=1.5), "the volume is no whole number from 0"),
        (["soon", 1.0, 1.0, 1.0, 1.0, 1], "no time that can be read"),
        (day("2026-07-31"), "outside the days asked for"),
        (day("2026-08-09"), "the exchange was closed that day"),
        (["2026-08-12T00:00:00+0530", 9e3, 9e3, 9e3, 9e3, 1], "ten times off the prices beside it"),
    ],
)
def test_each_fault_has_its_reason(bad: list[Any], reason: str) -> None:
    good = [day(f"2026-08-{n:02}") for n in (3, 4, 5, 6, 7, 10, 11, 13)]
    found = checked(*good, bad)
    assert found.candles.height == len(good)
    assert found.rejects["reason"].to_list() == [reason]
    assert found.rejects["dataset"].to_list() == ["candles_day"]


def test_prices_of_options_may_be_a_tenth_a_day_later() -> None:
    rows = [[f"2026-08-{n:02}T00:00:00+0530", p, p, p, p, 1]
            for n, p in ((3, 200.0), (4, 90.0), (5, 5.0), (6, 0.05))]  # fmt: skip
    assert checked(*rows, steady=False).candles.height == 4
