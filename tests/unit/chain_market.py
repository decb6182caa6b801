"""A provider of handwritten chains: exact Black-76 prices by the textbook, with holes on demand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from statistics import NormalDist
from typing import Any, ClassVar

import polars as pl

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import CHAIN, INSTRUMENTS, conform
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.ports import Capability
from alphastock_cli.errors import UnknownName
from tests.conftest import IST

MOMENT = datetime(2026, 11, 20, 11, 0, tzinfo=IST)
NEAR, FAR = date(2026, 11, 24), date(2026, 12, 29)
CLOSE = datetime(2026, 11, 24, 15, 40, tzinfo=IST)
YEARS = (CLOSE - MOMENT).total_seconds() / (365 * 86400)
N = NormalDist().cdf


def black76(  # noqa: PLR0917 - the letters of the formula
    forward: float, strike: float, years: float, vol: float, rate: float, kind: str
) -> float:
    """Price by the formula of the book: the second route of every test here."""
    d1 = (math.log(forward / strike) + vol * vol * years / 2) / (vol * math.sqrt(years))
    d2 = d1 - vol * math.sqrt(years)
    sign = 1 if kind == "CE" else -1
    worth = sign * (forward * N(sign * d1) - strike * N(sign * d2))
    return math.exp(-rate * years) * worth


def exact_chain(
    *, forward: float = 24_080.0, vol: float = 0.14, rate: float = 0.065, years: float = YEARS,
    expiry: date = NEAR, name: str = "NIFTY", strikes: Sequence[float] = (), spread: float = 0.1,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return CE and PE rows whose mid prices are exact."""
    rows = []
    for strike in strikes or [23_000.0 + 100 * n for n in range(21)]:
        for kind in ("CE", "PE"):
            value = black76(forward, strike, years, vol, rate, kind)
            rows.append(
                {
                    "tradingsymbol": f"{name}{expiry:%y%b}{strike:g}{kind}".upper(),
                    "underlying": name, "expiry": expiry, "strike": strike, "option_type": kind,
                    "last_price": value, "bid": value - spread / 2, "ask": value + spread / 2,
                    "bid_quantity": 650, "ask_quantity": 650, "volume": 6500,
                    "open_interest": 65_000, "oi_change": -650, "lot_size": 65,
                }
            )  # fmt: skip
    return rows


class FakeMarket:
    """Chains, quotes and futures as given; nothing else."""

    name: ClassVar[str] = "fake"
    simulated: ClassVar[bool] = True
    capabilities = frozenset({Capability.CHAIN, Capability.QUOTES, Capability.INSTRUMENTS})

    def __init__(
        self,
        chains: dict[tuple[str, date], list[dict[str, Any]]] | None = None,
        *,
        spots: dict[str, float] | None = None,
        future: pl.DataFrame | None = None,
        moment: datetime = MOMENT,
    ) -> None:
        self.chains = {("NIFTY", NEAR): exact_chain()} if chains is None else chains
        self.spots = {"NSE:NIFTY 50": 24_050.0} if spots is None else spots
        self.future = future
        self.moment = moment
        self.calls: list[str] = []

    def as_of(self) -> datetime:
        return self.moment

    def expiries(self, underlying: str) -> tuple[date, ...]:
        self.calls.append("expiries")
        return tuple(sorted(day for name, day in self.chains if name == underlying))

    def option_chain(self, underlying: str, expiry: date) -> pl.DataFrame:
        self.calls.append("option_chain")
        if (underlying, expiry) not in self.chains:
            raise UnknownName(f"no chain of {underlying} {expiry}")
        rows = self.chains[underlying, expiry]
        return conform(pl.DataFrame(rows, infer_schema_length=None), CHAIN, what="fake")

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        return {
            key: Quote(key=key, time=self.moment, last_price=self.spots[key])
            for key in keys if key in self.spots
        }  # fmt: skip

    def futures(self, underlying: str) -> pl.DataFrame:
        del underlying
        if self.future is None:
            return pl.DataFrame(schema={"expiry": pl.Date, "close": pl.Float64})
        return self.future

    def instruments(self, exchange: Exchange) -> pl.DataFrame:
        if exchange is not Exchange.NFO:
            return pl.DataFrame(schema=INSTRUMENTS)
        rows = [row for held in self.chains.values() for row in held]
        return conform(
            pl.DataFrame(rows, infer_schema_length=None).select(
                "tradingsymbol", "underlying", "expiry", "strike", "option_type", "lot_size",
                exchange=pl.lit("NFO"), asset_type=pl.lit("options"), tick_size=pl.lit(0.05),
            ),
            INSTRUMENTS, what="fake",
        )  # fmt: skip
