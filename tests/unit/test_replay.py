"""A stored day told candle by candle: quotes, candles, earlier days, and what is refused."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.domain.data import Candle
from alphastock_cli.domain.frames import CANDLES, DATASETS, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability
from alphastock_cli.errors import NotOffered, ProviderError, UsageError
from alphastock_cli.providers.replay import Replay
from alphastock_cli.registry import PROVIDERS
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

D = date
WED, THU, FRI = D(2024, 8, 21), D(2024, 8, 22), D(2024, 8, 23)
SBIN, NIFTY = "NSE:SBIN", "NSE:NIFTY 50"


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), IST)


def put(lake: Lake, dataset: str, *rows: dict[str, Any]) -> None:
    frame = pl.DataFrame(list(rows), infer_schema_length=None)
    lake.upsert(dataset, conform(frame, DATASETS[dataset], what="test"))


def minutes(
    day: date, symbol: str, *, count: int = 375, base: float = 100.0, volume: int | None = 10,
    first: str = "09:15", step: int = 1,
) -> list[dict[str, Any]]:  # fmt: skip
    return [
        {"time": at(day, first) + timedelta(minutes=step * n), "exchange": "NSE",
         "symbol": symbol, "open": base + n, "high": base + n + 2, "low": base + n - 1,
         "close": base + n + 1, "volume": volume}
        for n in range(count)
    ]  # fmt: skip


def day(symbol: str, when: date, close: float, **values: Any) -> dict[str, Any]:
    return {"exchange": "NSE", "series": "EQ", "turnover": 1e6, "symbol": symbol, "date": when,
            "close": close} | values  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    put(lake, "candles_minute", *minutes(WED, "SBIN", base=50.0), *minutes(THU, "SBIN"))
    put(lake, "candles_minute", *minutes(THU, "NIFTY 50", base=24_000.0, volume=None))
    put(lake, "candles_minute", *minutes(FRI, "SBIN", base=900.0))
    put(lake, "candles_5minute", *minutes(THU, "INFY", base=1500.0, count=75, step=5))
    put(lake, "equities_day", day("SBIN", D(2024, 8, 20), 94.0), day("SBIN", WED, 95.0))
    put(lake, "equities_day", day("INFY", WED, 1490.0), day("TCS", WED, 4000.0))
    put(lake, "equities_day", day("SBIN", THU, 480.0))
    return lake


def replay(lake: Lake, clock: str, when: date = THU) -> Replay:
    return Replay(lake, ManualClock(at(when, clock)), THU)


def share(symbol: str = "SBIN", kind: AssetType = AssetType.EQUITY) -> Instrument:
    return Instrument(exchange=Exchange.NSE, tradingsymbol=symbol, asset_type=kind)


def test_it_is_found_by_name_and_says_what_it_can(lake: Lake) -> None:
    assert PROVIDERS.get("replay") is Replay
    assert (Replay.name, Replay.simulated) == ("replay", False)
    assert Replay.capabilities == {
        Capability.INSTRUMENTS, Capability.QUOTES, Capability.CANDLES, Capability.EQUITIES_DAY,
        Capability.INDICES_DAY, Capability.CANDLE_MARKET,
    }  # fmt: skip
    made = replay(lake, "09:00")
    assert made.symbols() == ("NSE:INFY", "NSE:NIFTY 50", "NSE:SBIN")
    assert made.session == (at(THU, "09:15"), at(THU, "15:30"))


@pytest.mark.parametrize(
    ("clock", "moment"), [("09:00", "09:00"), ("11:07:30", "11:07:30"), ("18:00", "15:30")]
)
def test_its_moment_is_the_clock_until_the_close(lake: Lake, clock: str, moment: str) -> None:
    assert replay(lake, clock).as_of() == at(THU, moment)


def test_before_the_first_candle_is_over_nothing_of_the_day_is_known(lake: Lake) -> None:
    for clock in ("08:00", "09:15", "09:15:59"):
        made = replay(lake, clock)
        assert made.quotes(made.symbols()) == {}
        assert made.candle(SBIN) is None
        assert made.candles(share(), Interval.MINUTE, at(THU, "00:00"), at(FRI, "00:00")).is_empty()


def test_a_quote_is_the_day_so_far(lake: Lake) -> None:
    quote = replay(lake, "09:18:30").quotes([SBIN, "NSE:TCS", "plain", ""])
    assert set(quote) == {SBIN}
    told = quote[SBIN]
    assert told.time == at(THU, "09:18")
    assert (told.open, told.high, told.low, told.last_price) == (100.0, 104.0, 99.0, 103.0)
    assert told.volume == 30
    assert told.previous_close == 95.0
    assert (told.bid, told.ask, told.depth, told.bid_quantity) == (None, None, None, None)


def test_an_index_has_no_volume_and_one_of_five_minutes_waits(lake: Lake) -> None:
    found = replay(lake, "09:19").quotes([NIFTY, "NSE:INFY"])
    assert set(found) == {NIFTY}
    assert found[NIFTY].volume is None
    assert found[NIFTY].previous_close is None  # nothing is stored of the day before
    infy = replay(lake, "09:20").quotes(["NSE:INFY"])["NSE:INFY"]
    assert (infy.last_price, infy.time) == (1501.0, at(THU, "09:20"))


def test_the_volume_is_not_known_from_the_first_unknown_one_on(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    rows = minutes(THU, "SBIN", count=4)
    rows[2]["volume"] = None
    put(lake, "candles_minute", *rows)
    seen = [
        replay(lake, clock).quotes([SBIN])[SBIN].volume
        for clock in ("09:16", "09:17", "09:18", "09:19")
    ]
    assert seen == [10, 20, None, None]


def test_the_last_final_candle(lake: Lake) -> None:
    assert replay(lake, "09:17:59").candle(SBIN) == Candle(
        key=SBIN, time=at(THU, "09:16"), end=at(THU, "09:17"),
        open=101.0, high=103.0, low=100.0, close=102.0, volume=10,
    )  # fmt: skip
    nifty = replay(lake, "23:00").candle(NIFTY)
    assert nifty is not None
    assert (nifty.time, nifty.end, nifty.volume) == (at(THU, "15:29"), at(THU, "15:30"), None)
    assert replay(lake, "15:00").candle("NSE:TCS") is None


def test_the_clock_moves_the_same_object(lake: Lake) -> None:
    clock = ManualClock(at(THU, "09:16"))
    made = Replay(lake, clock, THU)
    seen = []
    for _ in range(4):
        seen.append(made.quotes([SBIN])[SBIN].last_price)
        clock.advance(timedelta(seconds=30))
    assert seen == [101.0, 101.0, 102.0, 102.0]


def test_the_close_of_the_day_before_comes_from_its_candles_where_no_day_is_stored(
    tmp_path: Path,
) -> None:
    lake = Lake(tmp_path / "lake")
    put(lake, "candles_minute", *minutes(WED, "SBIN", base=50.0), *minutes(THU, "SBIN"),
        *minutes(WED, "INFY", count=41), *minutes(THU, "INFY"))  # fmt: skip
    quotes = replay(lake, "10:00").quotes([SBIN, "NSE:INFY"])
    assert quotes[SBIN].previous_close == 50.0 + 374 + 1
    # its candles of the day before end at 09:56: nobody knows the close
    assert quotes["NSE:INFY"].previous_close is None


def test_an_older_close_is_not_that_of_the_day_before(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    put(lake, "candles_minute", *minutes(THU, "SBIN"), *minutes(D(2024, 8, 20), "SBIN"))
    put(lake, "equities_day", day("SBIN", D(2024, 8, 20), 94.0))
    assert replay(lake, "10:00").quotes([SBIN])[SBIN].previous_close is None


def test_a_split_of_the_day_is_in_the_previous_close(lake: Lake) -> None:
    split = {"exchange": "NSE", "symbol": "SBIN", "kind": "split_or_bonus", "ratio": "1:2"}
    put(lake, "adjustments", split | {"ex_date": THU, "factor": 0.5, "source": "detected"},
        split | {"ex_date": FRI, "factor": 0.1, "source": "detected"})  # fmt: skip
    made = replay(lake, "10:00")
    assert made.quotes([SBIN])[SBIN].previous_close == 47.5
    assert made.adjustments(Exchange.NSE)["ex_date"].to_list() == [THU]


def test_candles_join_the_days_before_and_the_day_so_far(lake: Lake) -> None:
    made = replay(lake, "09:32")
    frame = made.candles(share(), Interval.MINUTE_15, at(WED, "15:00"), at(FRI, "00:00"))
    assert frame.schema == CANDLES
    assert frame["time"].to_list() == [at(WED, "15:00"), at(WED, "15:15"), at(THU, "09:15")]
    assert frame["close"].to_list() == [50.0 + 360, 50.0 + 375, 115.0]
    again = made.candles(share(), Interval.MINUTE_15, at(WED, "00:00"), at(FRI, "00:00"))
    assert again.height == 26  # an earlier start is read anew
    inside = made.candles(share(), Interval.MINUTE, at(THU, "09:20"), at(THU, "09:22"))
    assert inside["time"].to_list() == [at(THU, "09:20"), at(THU, "09:21")]


def test_earlier_days_are_those_of_the_evening_before(lake: Lake) -> None:
    for clock in ("09:00", "18:00"):
        made = replay(lake, clock)
        rows = made.equities_day().collect()
        assert rows["date"].max() == WED
        assert made.equities_day(start=THU, end=FRI).collect().is_empty()
        daily = made.candles(share(), Interval.DAY, at(D(2024, 8, 1), "00:00"), at(FRI, "23:00"))
        assert daily["close"].to_list() == [94.0, 95.0]


def test_it_lists_the_shares_of_the_evening_before_and_what_has_candles(lake: Lake) -> None:
    frame = replay(lake, "09:00").instruments(Exchange.NSE)
    found = dict(frame.select("tradingsymbol", "asset_type").rows())
    assert found == {"SBIN": "equity", "INFY": "equity", "TCS": "equity", "NIFTY 50": "index"}
    assert replay(lake, "09:00").instruments(Exchange.MCX).is_empty()


def test_what_is_not_stored_is_not_offered(lake: Lake) -> None:
    made = replay(lake, "10:00")
    with pytest.raises(NotOffered, match="no minute candles of NSE:INFY"):
        made.candles(share("INFY"), Interval.MINUTE, at(THU, "09:15"), at(THU, "10:00"))
    with pytest.raises(NotOffered, match="no chain of NIFTY"):
        made.option_chain("NIFTY", FRI)
    with pytest.raises(NotOffered, match="no chain of NIFTY"):
        made.expiries("NIFTY")
    with pytest.raises(UsageError, match="aware"):
        made.candles(
            share(), Interval.MINUTE, at(THU, "09:15").replace(tzinfo=None), at(FRI, "01:00")
        )


def test_hours_nobody_knows_come_from_the_candles(tmp_path: Path) -> None:
    muhurat = D(2016, 10, 30)
    lake = Lake(tmp_path / "lake")
    put(lake, "candles_minute", *minutes(muhurat, "SBIN", count=60, first="18:30"))
    made = Replay(lake, ManualClock(at(muhurat, "18:32")), muhurat)
    assert made.session == (at(muhurat, "18:30"), at(muhurat, "19:30"))
    assert made.quotes([SBIN])[SBIN].volume == 20


# -- days that cannot be replayed -----------------------------------------------------------------


def refused(lake: Lake, when: date) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        Replay(lake, ManualClock(at(D(2026, 11, 20), "18:00")), when)
    assert caught.value.exit_code == 5
    return caught.value


def test_a_day_of_daily_files_alone_says_so_and_names_its_neighbours(lake: Lake) -> None:
    error = refused(lake, D(2024, 8, 20))
    assert error.what == (
        "2024-08-20 cannot be replayed: only days are stored of it (1 rows of equities_day)"
    )
    assert error.hint == "Candles or chains are stored of 2024-08-21, 2024-08-22, 2024-08-23."


def test_a_day_of_nothing_and_a_holiday(lake: Lake, tmp_path: Path) -> None:
    assert "nothing is stored of it" in refused(lake, D(2024, 8, 26)).what
    assert "the exchange was closed" in refused(lake, D(2024, 8, 25)).what
    assert "fetch candles" in refused(Lake(tmp_path / "none"), THU).hint


def test_a_day_to_come(lake: Lake) -> None:
    assert "still to come" in refused(lake, D(2026, 11, 21)).what
