"""The use case behind `chain`: a person's words in; rows and summary by the contract out."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from alphastock_cli.actions.chain import BASE, GREEKS, MARKS, ChainRequest, around, chain
from alphastock_cli.actions.option_words import (
    Rate,
    expiry_named,
    listed,
    parse_rate,
    underlying_named,
)
from alphastock_cli.analytics.greeks import SECOND_ORDER
from alphastock_cli.domain.ports import Capability
from alphastock_cli.errors import (
    DamagedData,
    NotOffered,
    ProviderError,
    UnknownName,
    UsageError,
)
from tests.conftest import IST, ManualClock
from tests.unit.chain_market import FAR, MOMENT, NEAR, FakeMarket, exact_chain

SUMMARY = (
    "underlying", "spot", "forward", "future", "expiry", "years", "days_to_expiry", "atm_strike",
    "atm_iv", "put_call_ratio_oi", "put_call_ratio_volume", "max_pain", "expected_move", "straddle",
    "lot_size", "model", "rate",
)  # fmt: skip


def asked(clock: ManualClock, market: FakeMarket | None = None, /, **words):
    words.setdefault("rate", Rate())
    words.setdefault("underlying", "NIFTY")
    return chain(market or FakeMarket(), clock, ChainRequest(**words))


def test_rows_and_summary_have_the_contract_s_names_in_order(clock: ManualClock) -> None:
    plain = asked(clock)
    assert plain.columns() == [*BASE, *MARKS]
    assert len(plain) == 42
    assert set(SUMMARY) <= set(plain.summary)
    assert asked(clock, greeks=True).columns() == [*BASE, *GREEKS, *MARKS]
    assert asked(clock, second_order=True).columns() == [*BASE, *GREEKS, *SECOND_ORDER, *MARKS]
    assert asked(clock, ladder=True).columns() == list(BASE)
    assert "chain" not in plain.summary
    assert (plain.as_of, plain.source, plain.simulated) == (MOMENT, "fake", True)


def test_a_ladder_is_ten_strikes_each_side_of_the_money(clock: ManualClock) -> None:
    many = [22_000.0 + 100 * n for n in range(41)]
    market = FakeMarket({("NIFTY", NEAR): exact_chain(strikes=many)})
    held = asked(clock, market, ladder=True)
    assert sorted(set(held.rows["strike"])) == [23_100.0 + 100 * n for n in range(21)]
    assert len(asked(clock, market)) == 82
    three = asked(clock, market, strikes=1)
    assert sorted(set(three.rows["strike"])) == [24_000.0, 24_100.0, 24_200.0]
    assert len(asked(clock, market, strikes=0)) == 2
    assert len(asked(clock, market, ladder=True, where="strike > 0")) == 82
    with pytest.raises(UsageError, match="--strikes -1"):
        asked(clock, strikes=-1)


def test_around_without_an_atm_strike_is_the_middle() -> None:
    frame = pl.DataFrame({"strike": [1.0, 2.0, 3.0, 4.0, 5.0]})
    assert around(frame, None, 1)["strike"].to_list() == [2.0, 3.0, 4.0]
    assert around(frame, 1.0, 1)["strike"].to_list() == [1.0, 2.0]


def test_conditions_order_and_columns_choose_rows_not_the_summary(clock: ManualClock) -> None:
    whole = asked(clock)
    held = asked(
        clock, where="option_type = 'PE' and delta between -0.6 and -0.2 and iv_status = 'ok'",
        sort="strike:desc", top=3, columns="tradingsymbol,strike,price,price_source",
    )  # fmt: skip
    assert held.columns() == ["tradingsymbol", "strike", "price", "price_source"]
    assert held.rows["strike"].to_list() == [24_100.0, 24_000.0, 23_900.0]
    assert held.rows_follow
    assert not whole.rows_follow
    differ = {k for k in whole.summary if whole.summary[k] != held.summary[k]}
    assert differ == {"matched"}
    assert (held.summary["rows"], held.summary["matched"]) == (42, 3)
    dates = asked(clock, where="expiry = '2026-11-24'")
    assert len(dates) == 42


def test_a_second_order_column_asked_for_by_name_is_computed(clock: ManualClock) -> None:
    held = asked(clock, columns="strike,vanna", where="vanna > 0")
    assert len(held) > 0


def test_a_table_shows_what_a_condition_reads(clock: ManualClock) -> None:
    held = asked(clock, where="price_source = 'mid' and iv > 0.1", ladder=True)
    assert held.columns()[-2:] == ["iv", "price_source"]
    assert held.highlight == ("iv", "price_source")


def test_unknown_words_name_the_nearest(clock: ManualClock) -> None:
    with pytest.raises(UnknownName) as error:
        asked(clock, underlying="NFTY")
    assert "NIFTY" in error.value.hint
    with pytest.raises(UnknownName, match="volumee"):
        asked(clock, where="volumee > 1")
    with pytest.raises(ProviderError, match="no option chain of BANKNIFTY") as known:
        asked(clock, underlying="BANKNIFTY")
    assert known.value.hint == "It has: NIFTY."


def test_a_provider_s_own_words_for_an_unknown_underlying_are_kept() -> None:
    class Stored(FakeMarket):
        capabilities = frozenset({Capability.CHAIN})

        def expiries(self, underlying: str) -> tuple[date, ...]:
            raise UnknownName(f"unknown underlying {underlying!r}", hint="Did you mean TCS?")

    with pytest.raises(UnknownName) as error:
        listed(Stored(), "TCSX")
    assert error.value.hint == "Did you mean TCS?"


def test_an_index_in_any_spelling() -> None:
    market = FakeMarket()
    assert underlying_named("nifty 50", market) == "NIFTY"
    assert underlying_named("Nifty Bank", market) == "BANKNIFTY"
    assert underlying_named("sensex", market) == "SENSEX"
    assert underlying_named(" sbin ", market) == "SBIN"


def test_a_provider_without_chains_names_those_that_have_them(clock: ManualClock) -> None:
    class Bare(FakeMarket):
        name = "bare"
        capabilities = frozenset({Capability.QUOTES})

    with pytest.raises(NotOffered, match="`bare` has no option chains") as error:
        asked(clock, Bare())
    assert "--provider sim" in error.value.hint


def test_bsm_without_a_spot_is_refused_not_guessed(clock: ManualClock) -> None:
    with pytest.raises(ProviderError, match="no spot of NIFTY"):
        asked(clock, FakeMarket(spots={}), rate=parse_rate("nse"))


def test_old_data_are_refused_when_asked(clock: ManualClock) -> None:
    assert asked(clock, max_age=86_400.0)
    with pytest.raises(DamagedData):
        asked(clock, max_age=3600.0)


def test_warnings_say_what_the_forward_stands_on(clock: ManualClock) -> None:
    assert asked(clock).warnings == ()
    rows = [r for r in exact_chain() if r["strike"] == 24_100.0]
    one = [{**r, "bid": None, "ask": None} for r in rows]
    texts = asked(clock, FakeMarket({("NIFTY", NEAR): one})).warnings
    assert texts[0] == "the forward stands on 1 strike(s) with CE and PE prices"
    assert "last trades" in texts[1]
    calls = [r for r in exact_chain() if r["option_type"] == "CE"]
    market = FakeMarket({("NIFTY", NEAR): calls})
    assert "spot with carry" in asked(clock, market).warnings[0]
    assert "no forward" in asked(clock, FakeMarket(market.chains, spots={})).warnings[0]
    late = FakeMarket(moment=MOMENT.replace(day=24, hour=16))
    assert "ended at 2026-11-24 15:40" in asked(clock, late, expiry="2026-11-24").warnings[0]


# -- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "model", "rate"),
    [
        ("", "", Rate()),
        ("", "bsm", Rate(model="bsm")),
        ("0.07", "", Rate(value=0.07, source="--rate")),
        ("7%", "BSM", Rate(value=0.07, source="--rate", model="bsm")),
        ("0", "black76", Rate(value=0.0, source="--rate")),
        ("-0.5%", "", Rate(value=-0.005, source="--rate")),
        ("NSE", "", Rate(value=0.10, source="nse: 10 % on the spot", model="bsm")),
    ],
)
def test_rates(text: str, model: str, rate: Rate) -> None:
    got = parse_rate(text, model)
    assert (got.source, got.model) == (rate.source, rate.model)
    assert got.value == pytest.approx(rate.value, rel=1e-15)


@pytest.mark.parametrize("text", ["7", "six", "nan", "inf", "%", "700%"])
def test_no_rate_of_a_year(text: str) -> None:
    with pytest.raises(UsageError):
        parse_rate(text)


def test_models() -> None:
    with pytest.raises(UnknownName, match="unknown model 'bsn'"):
        parse_rate("", "bsn")
    with pytest.raises(UsageError, match="--rate nse"):
        parse_rate("nse", "black76")


DAYS = tuple(
    date.fromisoformat(text)
    for text in ("2026-11-17", "2026-11-24", "2026-12-01", "2026-12-08", "2026-12-29", "2027-03-30")
)


@pytest.mark.parametrize(
    ("word", "moment", "day"),
    [
        ("", "2026-11-16T10:00", "2026-11-17"),
        ("", "2026-11-17T15:39", "2026-11-17"),
        ("", "2026-11-17T15:40", "2026-11-24"),
        ("next", "2026-11-16T10:00", "2026-11-24"),
        ("weekly", "2026-11-16T10:00", "2026-11-17"),
        ("weekly", "2026-11-18T10:00", "2026-12-01"),
        ("monthly", "2026-11-16T10:00", "2026-11-24"),
        ("Monthly", "2026-11-25T10:00", "2026-12-29"),
        ("2026-11-17", "2026-11-18T10:00", "2026-11-17"),
    ],
)
def test_expiries_by_word(word: str, moment: str, day: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=IST)
    assert expiry_named(word, "NIFTY", DAYS, as_of=at).isoformat() == day


def test_a_monthly_expiry_is_one_by_the_rules_not_the_last_that_a_short_list_holds() -> None:
    at = datetime.fromisoformat("2026-11-25T10:00").replace(tzinfo=IST)
    short = DAYS[:4]  # ends on 8 December, three weeks before the month's own
    with pytest.raises(UsageError, match="no monthly expiry"):
        expiry_named("monthly", "NIFTY", short, as_of=at)
    assert expiry_named("weekly", "NIFTY", short[3:], as_of=at) == short[3]


def test_no_such_expiry() -> None:
    with pytest.raises(UsageError, match="no weekly expiry"):
        expiry_named("weekly", "SBIN", (NEAR, FAR), as_of=MOMENT)
    with pytest.raises(UnknownName, match="2026-11-25") as error:
        expiry_named("2026-11-25", "NIFTY", DAYS, as_of=MOMENT)
    assert "2026-11-24" in error.value.hint
    with pytest.raises(UsageError) as word:
        expiry_named("weakly", "NIFTY", DAYS, as_of=MOMENT)
    assert word.value.hint == "Did you mean weekly?"
    with pytest.raises(UsageError) as other:
        expiry_named("soon", "NIFTY", DAYS, as_of=MOMENT)
    assert "next, weekly, monthly" in other.value.hint


def test_build_up_and_liquidity_stand_in_rows_and_in_conditions(clock: ManualClock) -> None:
    held = asked(clock)
    assert held.columns()[-2:] == ["build_up", "liquidity"]
    assert set(held.rows["liquidity"]) == {"ok"}
    assert held.rows["build_up"].null_count() == len(held)
    held = asked(clock, where="liquidity = 'ok' and build_up = 'short_covering'", ladder=True)
    assert len(held) == 0
    named = asked(clock, columns="strike,gex,price_change,previous_close,liquidity")
    assert named.columns() == ["strike", "gex", "price_change", "previous_close", "liquidity"]
    assert named.rows["gex"].null_count() < len(named)


def test_closes_before_are_asked_for_only_where_a_column_needs_them(clock: ManualClock) -> None:
    class Counts(FakeMarket):
        def previous_closes(self, underlying: str, expiry: date) -> None:
            self.calls.append(f"closes of {underlying} {expiry}")

    def asks(**words: object) -> int:
        market = Counts()
        asked(clock, market, **words)
        return sum(call.startswith("closes") for call in market.calls)

    assert asks(ladder=True) == asks(ladder=True, greeks=True) == asks(columns="strike,iv") == 0
    assert asks() == asks(columns="build_up") == asks(ladder=True, where="price_change > 0") == 1


def test_smile_and_term_structure_only_when_asked_for(clock: ManualClock) -> None:
    market = FakeMarket({("NIFTY", NEAR): exact_chain(), ("NIFTY", FAR): exact_chain(expiry=FAR)})
    plain = asked(clock, market)
    assert not {"smile", "term", "by_expiry", "iv_rank"} & set(plain.summary)
    held = asked(clock, market, smile=True, term=True)
    assert set(held.summary["smile"]) == {
        "a", "b", "rho", "m", "sigma", "years", "rms_error", "points", "butterfly_free",
        "lowest_density",
    }  # fmt: skip
    assert [row["expiry"] for row in held.summary["term"]] == [NEAR, FAR]
    assert "by_expiry" not in held.summary
    one = asked(clock, FakeMarket({("NIFTY", NEAR): exact_chain(strikes=[24_100.0])}), smile=True)
    assert one.summary["smile"] is None


def test_a_forward_beyond_the_strikes_is_a_warning(clock: ManualClock) -> None:
    low = exact_chain(strikes=[23_000.0 + 100 * n for n in range(5)])
    held = asked(clock, FakeMarket({("NIFTY", NEAR): low}))
    assert any("beyond the listed strikes" in text for text in held.warnings)


def test_contracts_that_have_ended_since_their_prices_are_told() -> None:
    alive = datetime(2026, 11, 24, 15, 39, tzinfo=IST)
    ended = datetime(2026, 11, 24, 15, 40, tzinfo=IST)
    assert not any("ended" in text for text in asked(ManualClock(alive)).warnings)
    later = asked(ManualClock(ended))
    assert later.warnings[0].startswith("the contracts ended at 2026-11-24 15:40, after these")
    assert later.summary["expired"] is False, "at the moment of the prices they were alive"


def test_a_rank_nobody_can_give_is_told(clock: ManualClock) -> None:
    told = "no IV rank or percentile: `fake` has no chains of earlier sessions"
    assert told in asked(clock, iv_rank=True).warnings
    assert told not in asked(clock).warnings


def test_nearest_is_a_word_for_an_expiry_as_in_the_legs_of_a_structure(clock: ManualClock) -> None:
    assert asked(clock, expiry="Nearest").summary["expiry"] == asked(clock).summary["expiry"]
