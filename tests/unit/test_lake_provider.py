"""The lake as a source: what was known at a moment, and nothing later."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.domain.frames import CANDLES, DATASETS, INSTRUMENTS, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability
from alphastock_cli.errors import DamagedData, NotOffered, ProviderError
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.registry import PROVIDERS
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

D = date
WED, THU, FRI = D(2026, 8, 12), D(2026, 8, 13), D(2026, 8, 14)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=IST)


def put(lake: Lake, dataset: str, *rows: dict[str, Any]) -> None:
    frame = pl.DataFrame(list(rows), infer_schema_length=None)
    lake.upsert(dataset, conform(frame, DATASETS[dataset], what="test"))


def share(symbol: str, day: date, close: float | None, **values: Any) -> dict[str, Any]:
    base = {"exchange": "NSE", "series": "EQ", "turnover": 1e6}
    return base | {"symbol": symbol, "date": day, "close": close} | values


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    put(
        lake, "equities_day",
        share("SBIN", D(2025, 12, 31), 700.0),
        *(share("SBIN", day, 800.0 + n, volume=10 + n) for n, day in enumerate((WED, THU, FRI))),
        share("INFY", THU, 1500.0, name="INFOSYS", isin="INE009A01021"),
        share("ABC", FRI, 10.0, series="BE", turnover=9e9),
        share("ABC", FRI, 11.0),
        share("SBIN", FRI, 801.9, exchange="BSE", series="A"),
    )  # fmt: skip
    put(
        lake, "indices_day",
        *({"date": d, "exchange": "NSE", "symbol": "NIFTY 50", "close": 24000.0 + n}
          for n, d in enumerate((WED, THU, FRI))),
    )  # fmt: skip
    return lake


def provider(lake: Lake, moment: datetime) -> LakeProvider:
    return LakeProvider(lake, ManualClock(at(D(2026, 11, 20), 18)), as_of=moment)


def infy(name: str = "INFY", kind: AssetType = AssetType.EQUITY) -> Instrument:
    return Instrument(exchange=Exchange.NSE, tradingsymbol=name, asset_type=kind)


def test_it_is_found_by_name_and_says_what_it_can() -> None:
    assert PROVIDERS.get("lake") is LakeProvider
    assert (LakeProvider.name, LakeProvider.simulated) == ("lake", False)
    assert LakeProvider.capabilities == {
        Capability.INSTRUMENTS, Capability.QUOTES, Capability.CANDLES,
        Capability.EQUITIES_DAY, Capability.INDICES_DAY, Capability.FUTURES_DAY,
        Capability.OPTIONS_DAY, Capability.CHAIN,
    }  # fmt: skip


def test_an_empty_lake_says_how_to_fill_it(tmp_path: Path) -> None:
    empty = LakeProvider(Lake(tmp_path / "lake"), ManualClock(at(FRI, 18)))
    with pytest.raises(ProviderError, match="holds no equities") as caught:
        empty.as_of()
    assert "fetch eod" in caught.value.hint
    assert empty.instruments(Exchange.NSE).schema == INSTRUMENTS
    assert empty.quotes(["NSE:SBIN"]) == {}
    assert empty.equities_day().collect().is_empty()
    assert not (tmp_path / "lake").exists()


# -- the moment -------------------------------------------------------------------------------


def test_a_day_is_known_from_the_end_of_its_session_on(lake: Lake) -> None:
    held = calendar.session(calendar.Segment.EQUITY, FRI)
    assert held is not None
    assert held.final_at is not None
    for moment, last in [
        (at(FRI, 0), THU), (at(FRI, 11), THU), (held.final_at - timedelta(microseconds=1), THU),
        (held.final_at, FRI), (at(FRI, 23, 59), FRI), (at(D(2026, 8, 16), 12), FRI),
        (at(THU, 9), WED),
    ]:  # fmt: skip
        source = provider(lake, moment)
        assert source.as_of().date() == last, moment
        assert source.as_of() <= moment
        assert source.equities_day().select(pl.col("date").max()).collect().item() == last
        assert source.indices_day().select(pl.col("date").max()).collect().item() == last


def test_the_moment_is_indian_whatever_zone_it_is_given_in(lake: Lake) -> None:
    late = datetime(2026, 8, 14, 20, 0, tzinfo=UTC)  # Saturday, 01:30 in India
    early = datetime(2026, 8, 13, 20, 0, tzinfo=UTC)  # Friday, 01:30 in India
    assert provider(lake, late).as_of().date() == FRI
    assert provider(lake, early).as_of().date() == THU
    assert provider(lake, late).as_of().tzinfo == calendar.IST


def test_without_a_moment_the_clock_gives_it(lake: Lake) -> None:
    assert LakeProvider(lake, ManualClock(at(THU, 18))).as_of().date() == THU


def test_before_the_first_day_nothing_is_known(lake: Lake) -> None:
    with pytest.raises(ProviderError, match="2025-12-31 11:00"):
        provider(lake, at(D(2025, 12, 31), 11)).as_of()


def test_the_year_before_is_found(lake: Lake) -> None:
    assert provider(lake, at(D(2026, 1, 1), 9)).as_of().date() == D(2025, 12, 31)


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (D(2024, 11, 1), (19, 0, 0)),  # muhurat: an hour in the evening
        (D(2005, 1, 3), (23, 59, 59)),  # hours not known: the day must be over
        (D(1995, 1, 3), (23, 59, 59)),  # before the calendar
    ],
)
def test_the_end_of_unusual_days(tmp_path: Path, day: date, end: tuple[int, int, int]) -> None:
    lake = Lake(tmp_path / "lake")
    put(lake, "equities_day", share("SBIN", day, 1.0))
    moment = provider(lake, at(day + timedelta(days=1), 9)).as_of()
    assert (moment.hour, moment.minute, moment.second) == end
    assert provider(lake, moment).as_of() == moment
    with pytest.raises(ProviderError):
        provider(lake, moment - timedelta(seconds=1)).as_of()


# -- rows -------------------------------------------------------------------------------------


def test_rows_are_sorted_and_every_series_is_kept(lake: Lake) -> None:
    frame = provider(lake, at(FRI, 18)).equities_day().collect()
    assert frame.schema == DATASETS["equities_day"]
    keys = frame.select("symbol", "date").rows()
    assert keys == sorted(keys)
    assert keys.count(("ABC", FRI)) == 2


def test_rows_out_of_order_are_the_same_rows_and_days_ascend(lake: Lake) -> None:
    source = provider(lake, at(FRI, 18))
    mixed = source.equities_day(in_order=False).collect()
    keys = ["symbol", "date", "series"]
    assert mixed.sort(keys).equals(source.equities_day().collect().sort(keys))
    for (_,), part in mixed.group_by("symbol", maintain_order=True):
        assert part["date"].is_sorted()


def test_filters_are_those_asked_for(lake: Lake) -> None:
    source = provider(lake, at(FRI, 18))
    assert source.equities_day(exchange=Exchange.BSE).collect()["close"].to_list() == [801.9]
    assert source.equities_day(symbols=["INFY"]).collect()["symbol"].to_list() == ["INFY"]
    assert source.equities_day(symbols=[]).collect().is_empty()
    assert source.equities_day(series=["BE"]).collect()["close"].to_list() == [10.0]
    part = source.equities_day(symbols=["SBIN"], start=THU, end=THU, columns=["close"]).collect()
    assert part.rows() == [(801.0,)]
    later = source.equities_day(end=FRI + timedelta(days=99)).collect()
    assert later["date"].max() == FRI
    assert source.indices_day(symbols=["nifty"], start=FRI).collect()["close"].to_list() == [
        24002.0
    ]


def test_rows_of_later_days_do_not_change_what_was_known(lake: Lake) -> None:
    before = provider(lake, at(THU, 18))
    seen = (before.equities_day().collect(), before.quotes(["NSE:SBIN"]), before.as_of())
    put(lake, "equities_day", share("SBIN", D(2026, 8, 17), 1.0), share("NEW", FRI, 5.0))
    after = provider(lake, at(THU, 18))
    assert after.equities_day().collect().equals(seen[0])
    assert (after.quotes(["NSE:SBIN"]), after.as_of()) == seen[1:]


def test_instruments_are_those_of_the_last_session(lake: Lake) -> None:
    frame = provider(lake, at(FRI, 18)).instruments(Exchange.NSE)
    assert frame.schema == INSTRUMENTS
    assert frame["tradingsymbol"].to_list() == ["ABC", "SBIN"]
    assert frame["series"].to_list() == ["EQ", "EQ"], "EQ before BE, whatever was traded"
    assert frame["sector"].to_list() == [None, "Financial Services"]
    assert frame["lot_size"].to_list() == [1, 1]
    assert frame["tick_size"].to_list() == [None, None], "not known is null"
    assert provider(lake, at(THU, 18)).instruments(Exchange.NSE)["isin"].to_list() == [
        "INE009A01021", None,
    ]  # fmt: skip


def test_each_exchange_has_its_own_last_session(lake: Lake) -> None:
    put(lake, "equities_day", share("SBIN", D(2026, 8, 17), 1.0, exchange="BSE", series="A"))
    source = provider(lake, at(D(2026, 8, 17), 18))
    assert source.instruments(Exchange.NSE).height == 2
    assert source.instruments(Exchange.BSE).height == 1
    assert source.instruments(Exchange.MCX).is_empty()
    assert provider(lake, at(THU, 18)).instruments(Exchange.BSE).is_empty()


def test_the_sector_is_the_newest_known_then(lake: Lake) -> None:
    rows = [(D(2026, 1, 1), "Old"), (FRI, "New"), (D(2026, 8, 17), "Later")]
    put(
        lake, "membership",
        *({"index": "NIFTY 500", "symbol": "ABC", "sector": s, "valid_from": d} for d, s in rows),
    )  # fmt: skip

    def sector(moment: datetime) -> str | None:
        frame = provider(lake, moment).instruments(Exchange.NSE)
        return frame.filter(tradingsymbol="ABC")["sector"].item()

    assert sector(at(FRI, 18)) == "New"
    assert sector(at(D(2026, 8, 17), 18)) == "Later"
    put(lake, "equities_day", share("ABC", THU, 9.0))
    assert sector(at(THU, 18)) == "Old"


def test_what_breaks_while_it_is_read_is_damage(lake: Lake) -> None:
    path = lake.root / "equities_day" / "2026.parquet"
    facts = {"alphastock.dataset": "equities_day", "alphastock.version": "1"}
    pl.read_parquet(path).with_columns(close=pl.lit("text")).write_parquet(path, metadata=facts)
    source = provider(lake, at(FRI, 18))
    with pytest.raises(DamagedData) as caught:
        source.quotes(["NSE:SBIN"])
    assert "lake repair" in caught.value.hint


# -- quotes and candles -----------------------------------------------------------------------


def test_a_quote_is_the_last_day_and_carries_its_moment(lake: Lake) -> None:
    found = provider(lake, at(FRI, 18)).quotes(
        ["NSE:SBIN", "BSE:SBIN", "NSE:INFY", "NSE:ABC", "NSE:NOBODY", "MCX:GOLD", "SBIN"]
    )
    assert {k: q.last_price for k, q in found.items()} == {
        "NSE:SBIN": 802.0, "BSE:SBIN": 801.9, "NSE:INFY": 1500.0, "NSE:ABC": 11.0,
    }  # fmt: skip
    assert found["NSE:SBIN"].volume == 12
    assert found["NSE:INFY"].time.date() == THU, "an old quote says that it is old"
    assert found["NSE:SBIN"].time == provider(lake, at(FRI, 18)).as_of()
    assert found["NSE:SBIN"].bid is None


def test_day_candles_are_cut_at_both_ends(lake: Lake) -> None:
    source = provider(lake, at(FRI, 18))
    frame = source.candles(infy("SBIN"), Interval.DAY, at(WED, 0), at(FRI, 0))
    assert frame.schema == CANDLES
    assert frame["close"].to_list() == [800.0, 801.0], "the end is exclusive"
    assert frame["time"].to_list() == [at(WED, 0), at(THU, 0)]
    assert source.candles(infy("SBIN"), Interval.DAY, at(WED, 1), at(FRI, 1)).height == 2
    same = source.candles(
        infy("SBIN"), Interval.DAY, at(WED, 0).astimezone(UTC), at(FRI, 0).astimezone(UTC)
    )
    assert same.equals(frame)


def test_a_candle_of_several_series_is_one(lake: Lake) -> None:
    source = provider(lake, at(FRI, 18))
    frame = source.candles(infy("ABC"), Interval.DAY, at(WED, 0), at(D(2026, 9, 1), 0))
    assert frame["close"].to_list() == [11.0]


def test_an_index_has_candles_under_the_name_it_was_asked_by(lake: Lake) -> None:
    nifty = infy("NIFTY", AssetType.INDEX)
    frame = provider(lake, at(THU, 18)).candles(nifty, Interval.DAY, at(WED, 0), at(FRI, 23))
    assert frame.select("symbol", "close").rows() == [("NIFTY", 24000.0), ("NIFTY", 24001.0)]


def test_minutes_are_not_offered(lake: Lake) -> None:
    with pytest.raises(NotOffered, match="5minute"):
        provider(lake, at(FRI, 18)).candles(infy(), Interval.MINUTE_5, at(WED, 0), at(FRI, 0))


# -- reference --------------------------------------------------------------------------------


def test_adjustments_and_changes_of_later_days_are_hidden(lake: Lake) -> None:
    rows = [(THU, "NSE", 0.5), (FRI, "NSE", 0.2), (THU, "BSE", 0.1)]
    put(
        lake, "adjustments",
        *({"exchange": e, "symbol": "A", "ex_date": d, "factor": f, "source": "detected"}
          for d, e, f in rows),
    )  # fmt: skip
    dates = [THU, FRI, None]
    put(
        lake, "symbol_changes",
        *({"old": f"O{n}", "new": f"N{n}", "effective_date": d} for n, d in enumerate(dates)),
    )  # fmt: skip
    early, late = provider(lake, at(FRI, 11)), provider(lake, at(FRI, 18))
    assert early.adjustments(Exchange.NSE)["factor"].to_list() == [0.5]
    assert sorted(late.adjustments(Exchange.NSE)["factor"]) == [0.2, 0.5]
    assert set(early.symbol_changes()["old"]) == {"O0", "O2"}
    assert set(late.symbol_changes()["old"]) == {"O0", "O1", "O2"}


def test_members_are_those_of_the_day(lake: Lake) -> None:
    put(
        lake, "membership",
        {"index": "NIFTY BANK", "symbol": "B", "valid_from": WED, "valid_to": THU},
        {"index": "NIFTY BANK", "symbol": "C", "valid_from": WED},
        {"index": "NIFTY BANK", "symbol": "A", "valid_from": FRI},
    )  # fmt: skip
    source = provider(lake, at(FRI, 18))
    assert source.members("nifty bank", THU) == ("B", "C")
    assert source.members("BANKNIFTY", FRI) == ("A", "C")
    assert source.members("NIFTY NOWHERE", FRI) is None
    typed_in = source.members("NIFTY 50", FRI)
    assert typed_in is not None
    assert len(typed_in) == 50
