"""Laws of a chain, for any strikes, open interest and forward."""

from __future__ import annotations

import math
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.analytics import chain as chains
from alphastock_cli.analytics import chain_interest
from alphastock_cli.analytics.forward import find_forward
from alphastock_cli.domain.frames import CHAIN
from tests.unit.chain_market import black76

DAY = date(2026, 11, 20)
counts = st.one_of(st.none(), st.just(0), st.integers(0, 10**12))
paise = st.integers(5, 50_000_000)


def chain_of(rows: list[tuple[int, str, int | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"strike": strike / 100, "option_type": kind, "open_interest": held, "volume": held}
            for strike, kind, held in rows
        ],
        schema={"strike": pl.Float64, "option_type": pl.String, "open_interest": pl.Int64,
                "volume": pl.Int64},
    )  # fmt: skip


rows_of = st.lists(
    st.tuples(paise, st.sampled_from(["CE", "PE"]), counts), min_size=1, max_size=30,
    unique_by=lambda row: row[:2],
)  # fmt: skip


@settings(deadline=None)
@given(rows_of)
def test_max_pain_is_what_trying_every_strike_finds(rows) -> None:
    def paid(at: int) -> int:
        return sum(
            (held or 0) * max(at - strike if kind == "CE" else strike - at, 0)
            for strike, kind, held in rows
        )

    strikes = sorted({strike for strike, _, _ in rows})
    got = chain_interest.max_pain(chain_of(rows))
    if not any(held for _, _, held in rows):
        assert got is None
    else:
        assert got == min(strikes, key=lambda at: (paid(at), at)) / 100


@settings(deadline=None)
@given(rows_of)
def test_ratio_times_calls_is_puts(rows) -> None:
    frame = chain_of(rows)
    ratio = chain_interest.put_call_ratio(frame, "open_interest")
    calls = sum(held or 0 for _, kind, held in rows if kind == "CE")
    puts = sum(held or 0 for _, kind, held in rows if kind == "PE")
    if ratio is None:
        known = any(kind == "PE" and held is not None for _, kind, held in rows)
        assert calls == 0 or not known
    else:
        assert ratio == puts / calls


@settings(deadline=None)
@given(rows_of, st.floats(0.01, 1e6))
def test_nothing_listed_lies_nearer_to_the_forward_than_atm(rows, forward) -> None:
    frame = chain_of(rows)
    atm = chains.atm_strike(frame, forward)
    assert atm is not None
    assert abs(atm - forward) == min(abs(k - forward) for k in frame["strike"])


@settings(deadline=None)
@given(
    st.floats(50.0, 60_000.0), st.floats(0.05, 0.8), st.floats(0.002, 1.0), st.floats(0.0, 0.12),
)  # fmt: skip
def test_parity_finds_the_forward_the_prices_were_made_with(forward, vol, years, rate) -> None:
    step = forward * 0.01
    rows = [
        {"strike": forward * 0.95 + n * step, "option_type": kind}
        for n in range(11) for kind in ("CE", "PE")
    ]  # fmt: skip
    for row in rows:
        row["last_price"] = black76(forward, row["strike"], years, vol, rate, row["option_type"])
    frame = pl.DataFrame(rows, schema=CHAIN)
    priced = chains.with_prices(frame, session=DAY, tick=None)
    found = find_forward(priced, spot=None, future=None, years=years, rate=rate, model="black76")
    assert found.source == "parity"
    assert found.value == pytest.approx(forward, rel=1e-9)


prices = st.one_of(st.none(), st.just(0.0), st.floats(0.01, 5_000.0))


@settings(deadline=None)
@given(
    prices, prices, prices, st.one_of(st.none(), st.integers(0, 10)), st.sampled_from([None, 0.05])
)
def test_a_price_is_inside_the_book_or_there_is_none(bid, ask, last, volume, tick) -> None:
    frame = pl.DataFrame(
        [{"strike": 1.0, "option_type": "CE", "bid": bid, "ask": ask, "last_price": last,
          "volume": volume}],
        schema=CHAIN,
    )  # fmt: skip
    row = chains.with_prices(frame, session=DAY, tick=tick).row(0, named=True)
    price = row["price"]
    assert (price is None) == (row["price_status"] is not None) == (row["price_source"] is None)
    if price is not None:
        assert price > 0
        assert not bid or price >= bid
        assert not ask or price <= ask


@settings(deadline=None)
@given(st.floats(100.0, 200.0), st.floats(0.5, 1.0))
def test_intrinsic_of_both_sides_is_the_discounted_distance(forward, discount) -> None:
    rows = [{"strike": k, "option_type": t} for k in (90.0, 150.0, 210.0) for t in ("CE", "PE")]
    frame = pl.DataFrame(rows, schema=CHAIN).with_columns(price=pl.lit(None, dtype=pl.Float64))
    atm = chains.atm_strike(frame, forward)
    made = chains.with_moneyness(frame, forward=forward, atm=atm, discount=discount)
    ce, pe = (made.filter(option_type=t)["intrinsic"].to_list() for t in ("CE", "PE"))
    for strike, a, b in zip((90.0, 150.0, 210.0), ce, pe, strict=True):
        assert a - b == pytest.approx(discount * (forward - strike), abs=1e-9)
        assert min(a, b) == 0.0
    for row in made.iter_rows(named=True):
        assert row["log_moneyness"] == pytest.approx(math.log(row["strike"] / forward), abs=1e-12)
        if row["moneyness"] == "ITM":
            assert row["intrinsic"] > 0
        if row["moneyness"] == "OTM":
            assert row["intrinsic"] == 0
