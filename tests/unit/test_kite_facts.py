"""The dated rows of Kite's numbers, and that provider and sandbox go by them."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.domain.trading import Product
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import closes
from alphastock_cli.providers.kite import facts
from alphastock_cli.providers.kite.stream.shards import Room, room
from alphastock_cli.sandbox import history
from alphastock_cli.sandbox.alerts import Alerts
from alphastock_cli.sandbox.costs import Blocks, Held, item_of
from alphastock_cli.sandbox.limits import Limiter, Rates
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.replies import CallError
from alphastock_cli.sandbox.sessions import App, Sessions
from tests.conftest import IST, ManualClock
from tests.unit.sandbox_makers import OPEN, box

DATA = Path(facts.__file__).with_name("data")
DAY = date(2026, 11, 20)


def rows(name: str) -> list[dict[str, str]]:
    lines = (DATA / f"{name}.csv").read_text().splitlines()
    return list(csv.DictReader([line for line in lines if not line.startswith("#")]))


# -- the rows -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "key"), [("facts", ["name"]), ("limits", ["class", "window"])])
def test_every_row_has_a_source_and_no_two_hold_at_once(name: str, key: list[str]) -> None:
    held: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for row in rows(name):
        assert None not in row
        assert row["source"].strip(), row
        for end in ("valid_from", "valid_to"):
            assert not row[end] or date.fromisoformat(row[end]), row
        spans = held.setdefault(tuple(row[column] for column in key), [])
        spans.append((row["valid_from"], row["valid_to"] or "9999"))
    for spans in held.values():
        for (_, ended), (begun, _) in pairwise(sorted(spans)):
            assert ended < begun, spans


def test_the_numbers_of_2026_as_they_are_documented() -> None:
    assert [facts.history_days(each, DAY) for each in Interval] == [
        60, 100, 100, 100, 200, 200, 400, 2000,
    ]  # fmt: skip
    assert (facts.quote_batch(DAY), facts.whole("quotes.brief", DAY)) == (500, 1000)
    assert room(DAY) == Room(3, 3000)
    assert facts.whole("order.changes", DAY) == 25
    assert (facts.whole("gtt.active", DAY), facts.whole("alerts.active", DAY)) == (250, 500)
    assert facts.share("gtt.distance_pct", DAY) == 0.0025
    assert (facts.share("margin.intraday_pct", DAY), facts.share("sales.usable_pct", DAY)) == (
        0.2, 0.8,
    )  # fmt: skip
    assert facts.token_ends(DAY) == time(6)
    orders = {limit.seconds: limit.calls for limit in facts.limits(DAY)["orders"]}
    assert orders == {1.0: 10, 60.0: 400, facts.DAY: 5000}


def test_a_day_or_a_name_without_a_row_is_an_error() -> None:
    assert facts.whole("alerts.active", date(2025, 6, 12)) == 500
    with pytest.raises(OutOfRange, match=r"alerts\.active on 2025-06-11"):
        facts.whole("alerts.active", date(2025, 6, 11))  # the API began the day after
    with pytest.raises(OutOfRange):
        facts.share("no.such", DAY)


def test_real_lists_have_the_indices_under_the_tokens_of_the_rows(shared_data: Path) -> None:
    import gzip

    names = facts.index_tokens(DAY)
    for path in sorted((shared_data / "instruments").glob("kite_instruments_nse_*.csv.gz")):
        with gzip.open(path, "rt") as file:
            found = {
                row["tradingsymbol"]: int(row["instrument_token"])
                for row in csv.DictReader(file)
                if row["segment"] == "INDICES"
            }
        assert {name: found[name] for name in names} == names


# -- the sandbox goes by them ---------------------------------------------------------------------


def test_the_sandboxs_limits_are_the_rows_of_its_day() -> None:
    now = Rates.of(DAY)
    assert now == Rates()  # what nobody gave is of the newest rows
    assert (now.quote, now.historical, now.orders, now.other) == (1, 3, 10, 10)
    assert (now.orders_minute, now.orders_day, now.on) == (400, 5000, True)
    assert Rates.of(DAY, on=False) == Rates(on=False)
    assert Rates(orders_minute=40).orders_day == 5000
    before = Rates.of(date(2025, 12, 31))  # no row tells a minute or a day of then
    assert (before.orders, before.orders_minute, before.orders_day) == (10, None, None)


def test_a_window_nobody_knows_refuses_nothing() -> None:
    limiter = Limiter(Rates.of(date(2025, 12, 31)))
    for number in range(450):  # nine a second: above 400 a minute
        limiter.admit("app", "POST", "/orders/regular", number / 9)
    for _ in range(10):
        limiter.admit("app", "POST", "/orders/regular", 100.0)
    with pytest.raises(CallError):
        limiter.admit("app", "POST", "/orders/regular", 100.0)


def test_a_sandbox_without_rates_of_its_own_takes_those_of_the_callers_day() -> None:
    it = box()
    assert it.state.today() == OPEN.date()
    assert type(it.state)(it.state.market, clock=it.clock, wall=it.clock).limiter.rates == Rates()
    late = ManualClock(datetime(2026, 8, 14, 20, 0, tzinfo=UTC))  # half past one in India
    assert type(it.state)(it.state.market, clock=it.clock, wall=late).today() == date(2026, 8, 15)


@pytest.mark.parametrize("route", ["/quote", "/quote/ohlc", "/quote/ltp"])
def test_batches_of_quotes(route: str) -> None:
    it, most = box(), 500 if route == "/quote" else 1000
    names = [f"NSE:X{number}" for number in range(most + 1)]
    assert it.ask("GET", route, i=names[:-1]) == {}
    assert f"limit of {most}" in it.refused("GET", route, i=names)[2]


def test_alerts_of_a_day_before_there_were_any() -> None:
    asked = Alerts("A", lambda _: None, lambda: OPEN, lambda: date(2025, 6, 11))
    with pytest.raises(OutOfRange):
        asked.create({})
    with pytest.raises(CallError, match="name"):
        Alerts("A", lambda _: None, lambda: OPEN, lambda: DAY).create({})


@pytest.mark.parametrize(
    ("login", "ends"),
    [("05:59", "2026-08-14 06:00"), ("06:00", "2026-08-15 06:00"), ("23:59", "2026-08-15 06:00")],
)
def test_a_session_ends_at_the_next_six(login: str, ends: str) -> None:
    clock = ManualClock(datetime.fromisoformat(f"2026-08-14 {login}").replace(tzinfo=IST))
    sessions = Sessions(App(), clock)
    token = sessions.begin()["access_token"]
    end = datetime.fromisoformat(ends).replace(tzinfo=IST)
    clock.advance(end - clock.now() - timedelta(seconds=1))
    assert sessions.valid("sandboxkey", token)
    clock.advance(timedelta(seconds=1))
    assert not sessions.valid("sandboxkey", token)


# -- hours that were typed in ---------------------------------------------------------------------


def listed(exchange: Exchange, **more: Any) -> Listed:
    kind = AssetType.EQUITY if exchange is Exchange.NSE else AssetType.FUTURES
    facts = {"exchange": exchange, "tradingsymbol": "X", "asset_type": kind} | more
    return Listed(Instrument(**facts), 1, f"{exchange}-FUT")


@pytest.mark.parametrize(
    ("exchange", "moment", "begun"),
    [
        (Exchange.NSE, "2026-08-14 11:40", "11:15"),
        (Exchange.MCX, "2026-08-14 11:40", "11:00"),  # from nine o'clock
        (Exchange.NSE, "2026-11-08 18:40", "18:00"),  # an hour in the evening
        (Exchange.NSE, "1990-01-02 11:40", "11:00"),  # nobody knows: whole hours
    ],
)
def test_running_hours_count_from_the_opening(exchange: Exchange, moment: str, begun: str) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=IST)
    quote = Quote(key=f"{exchange}:X", time=now, last_price=1.0)
    found = history._begun(listed(exchange), quote, Interval.MINUTE_60, now)
    assert f"{found:%H:%M}" == begun


def test_a_contract_lives_until_the_close_of_its_last_day() -> None:
    now = datetime(2026, 8, 14, 11, 30, tzinfo=IST)
    expiry = date(2026, 8, 25)
    item = listed(Exchange.NFO, underlying="NIFTY", expiry=expiry, lot_size=65)
    blocks = Blocks(lambda _: {}, lambda: now)
    _, _, years = blocks._legs("NIFTY", [Held(item, Product.NRML, 65, 25_000.0)])
    close = closes.contract_close(Exchange.NFO, expiry)
    assert f"{close:%H:%M}" == "15:40"  # since 2026-08-03
    assert years[expiry] == pytest.approx(closes.years_between(now, close), rel=1e-12)


def test_the_rates_of_margins() -> None:
    now = datetime(2026, 8, 14, 11, 30, tzinfo=IST)
    blocks = Blocks(lambda _: {}, lambda: now)
    share = Held(listed(Exchange.NSE), Product.MIS, -10, 100.0)
    assert blocks.of([share])["var"] == pytest.approx(200.0)
    assert item_of(share, blocks.of([share]), {}, now.date())["leverage"] == 5.0
    gold = listed(Exchange.MCX, underlying="GOLD", expiry=date(2026, 12, 4))
    nothing = blocks.of([Held(gold, Product.NRML, 1, 1000.0)])  # no parameters of commodities
    assert nothing["span"] == pytest.approx(150.0)
