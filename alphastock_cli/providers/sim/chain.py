"""What the contracts of one underlying are worth and how they are quoted, minute by minute.

A market is one underlying on one session: its spot, the level of volatility and the time, item *t*
being the state after *t* minutes. Prices are whole ticks inside and rupees outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from alphastock_cli.domain.records import dataclass
from alphastock_cli.pricing.black76 import price
from alphastock_cli.providers.sim import interest, moments, smile
from alphastock_cli.providers.sim.contracts import FNO, Terms, Underlying, history
from alphastock_cli.providers.sim.days import CARRY, SKEW, Array, stream
from alphastock_cli.providers.sim.spot import Spot
from alphastock_cli.providers.sim.universe import VIX

RATE = 0.065  # a year, continuous: what premiums are discounted with
_YEAR = 365 * 86_400 * 1_000_000  # microseconds
_CARRY, _CARRY_SWING = 0.062, 0.008  # a year
_SLOWNESS, _LOOK_BACK = 0.97, 150  # of what changes from day to day
_REALISED = 60  # sessions
_BENCHMARK = "NIFTY 50"
_FAINT, _WILD = 0.7, 4.0  # bounds of a share's volatility over the index's


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """One underlying on one session; `spot`, `vix` and `times` have an item a state.

    `times` are microseconds since 1970 UTC, `done` is the part of the day's trading that is over.
    """

    of: Underlying
    day: date
    spot: Array
    vix: Array
    times: Array
    done: Array
    carry: float
    skew: float
    ratio: float


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """Options of one expiry at one state: whole ticks, (strikes, 2), CE before PE."""

    forward: float
    last: Array
    width: Array

    @property
    def bid(self) -> Array:
        """Best price bid, in ticks; below 1 where nobody bids."""
        return np.asarray(self.last - self.width // 2)

    @property
    def ask(self) -> Array:
        """Best price asked, in ticks."""
        return np.asarray(self.bid + self.width)


def market(spot: Spot, of: Underlying, sessions: Sequence[date], number: int) -> Market:
    """Return the market of an underlying on a session, from the open to the last minute.

    Without hours there is one state, the end of the day. The derivatives trade on for some minutes
    after the shares have closed: the spot stands still then.
    """
    day = sessions[number]
    starts, cash = moments.minute_starts(day, FNO), moments.minute_starts(day)
    path, vix = _paths(spot, of, sessions, number)
    if len(starts) and len(path) > 1:
        # after the first minute of derivatives, the cash minutes that are over by then, and so on
        over = np.searchsorted(cash, starts, side="right")
        at = np.concatenate([[0], over])
        path, vix = path[at], vix[at]
        times = np.concatenate([starts[:1], starts + moments.MINUTE])
    else:
        path, vix = path[-1:], vix[-1:]
        times = np.array([moments.micros(moments.end(day, FNO))])
    done = interest.activity(spot.seed, of.number, day.toordinal(), max(1, len(path) - 1))
    return Market(
        of=of, day=day, spot=path, vix=vix, times=times, done=done[-len(path) :],
        carry=_CARRY + _CARRY_SWING * _slow(spot.seed, CARRY, of.number, number),
        skew=_skew(spot.seed, of, number), ratio=ratio(spot, of, len(sessions), number),
    )  # fmt: skip


def market_over(spot: Spot, of: Underlying, sessions: Sequence[date], number: int) -> Market:
    """Return the one state of a session that is over: the last of `market`, without its minutes."""
    day, count = sessions[number], len(sessions)
    if of.is_index:
        close = float(spot.index_rows(of.spot, count)["close"][number])
    else:
        close = spot.row(of.lane, number, count).close
    starts = moments.minute_starts(day, FNO)
    ends = starts[-1] + moments.MINUTE if len(starts) else moments.micros(moments.end(day, FNO))
    return Market(
        of=of, day=day, spot=np.array([close]),
        vix=spot.index_rows(VIX, count)["close"][number : number + 1],
        times=np.array([ends]), done=np.ones(1),
        carry=_CARRY + _CARRY_SWING * _slow(spot.seed, CARRY, of.number, number),
        skew=_skew(spot.seed, of, number), ratio=ratio(spot, of, count, number),
    )  # fmt: skip


def market_before(spot: Spot, of: Underlying, sessions: Sequence[date], number: int) -> Market:
    """Return the end of the session before `number`, prices in the terms of `number`."""
    count, day = len(sessions), sessions[number - 1]
    return Market(
        of=of, day=day, spot=history(spot, of, count, number, number),
        vix=spot.index_rows(VIX, count)["close"][number - 1 : number],
        times=np.array([moments.micros(moments.end(day, FNO))]), done=np.ones(1),
        carry=_CARRY + _CARRY_SWING * _slow(spot.seed, CARRY, of.number, number - 1),
        skew=_skew(spot.seed, of, number - 1), ratio=ratio(spot, of, count, number - 1),
    )  # fmt: skip


def years(terms: Terms, held: Market, t: Array | int) -> Array:
    """Return the time to the contract's own close, actual/365, 0 when it is over."""
    return np.asarray(np.maximum(terms.closes - held.times[t], 0) / _YEAR)


def forward(terms: Terms, held: Market, t: Array | int) -> Array:
    """Return the forward of an expiry in rupees: spot and carry."""
    return np.asarray(held.spot[t] * np.exp(held.carry * years(terms, held, t)))


def values(terms: Terms, held: Market, strikes: Array, t: Array | int) -> Array:
    """Return what calls and puts are worth in rupees; the last axis is CE and PE.

    `strikes` and the states `t` are broadcast against each other.
    """
    left, ahead = years(terms, held, t), forward(terms, held, t)
    money = smile.money_variance(left, held.vix[t], held.ratio)
    variance = smile.total_variance(np.log(strikes / ahead), money, held.skew)
    vol = np.sqrt(variance / np.maximum(left, 1e-12))
    # the side out of the money is computed, the other follows by parity, without cancellation
    is_call = strikes >= ahead
    out = price(ahead, strikes, left, vol, rate=RATE, is_call=is_call)
    inside = np.exp(-RATE * left) * np.abs(ahead - strikes)
    call, put = np.where(is_call, out, out + inside), np.where(is_call, out + inside, out)
    return np.stack([call, put], axis=-1)


def ticks(rupees: Array, tick: float) -> Array:
    """Return prices as whole ticks, at least one, int64."""
    return np.maximum(1, np.rint(rupees / tick)).astype(np.int64)


def board(terms: Terms, held: Market, strikes: Array, t: int) -> Board:
    """Return the options of an expiry at one state."""
    worth = values(terms, held, strikes, t)
    ahead, left = float(forward(terms, held, t)), float(years(terms, held, t))
    reach = held.ratio * float(held.vix[t]) / 100.0 * np.sqrt(left + 1.0 / 365.0)
    away = np.minimum(np.abs(np.log(strikes / ahead)) / reach, 4.0)[:, None]
    # wider away from the money, far ahead in time, and for shares
    part = (0.003 if terms.of.is_index else 0.012) * (1.0 + away) * (1.0 + 3.0 * left)
    width = np.maximum(1, np.rint(part * worth / terms.option_tick)).astype(np.int64)
    return Board(forward=ahead, last=ticks(worth, terms.option_tick), width=width)


def future_ticks(terms: Terms, held: Market, t: int) -> tuple[int, int, int]:
    """Return last price, bid and ask of a future in ticks."""
    ahead, left = float(forward(terms, held, t)), float(years(terms, held, t))
    last = max(1, round(ahead / terms.future_tick))
    part = (0.0001 if terms.of.is_index else 0.0004) * (1.0 + 4.0 * left)
    width = max(1, round(part * ahead / terms.future_tick))
    bid = last - width // 2
    return last, bid, bid + width


def ends(
    spot: Spot, terms: Terms, sessions: Sequence[date], number: int, *, basis: int
) -> interest.Ends:
    """Return what is known of session `number` before it opens, prices in terms of `basis`."""
    count, day = len(sessions), sessions[number]
    centre = float(history(spot, terms.of, count, number, basis)[0])
    days = max((terms.expiry - day).days, 0)
    vix = float(spot.index_rows(VIX, count)["close"][max(number - 1, 0)])
    size = vix / 100.0 * ratio(spot, terms.of, count, number)
    return interest.Ends(ordinal=day.toordinal(), centre=centre, days=days, size=size)


def ratio(spot: Spot, of: Underlying, count: int, number: int) -> float:
    """Return the volatility of an underlying over that of NIFTY 50, by the sessions before."""
    if of.spot == _BENCHMARK:
        return 1.0
    own = history(spot, of, count, number - _REALISED, number)
    rows = spot.index_rows(_BENCHMARK, count)["previous_close"]
    index = rows[max(number - _REALISED, 0) : number + 1]
    sizes = [float(np.diff(np.log(path)).std()) for path in (own, index)]
    return float(np.clip(sizes[0] / sizes[1], _FAINT, _WILD))


def _paths(
    spot: Spot, of: Underlying, sessions: Sequence[date], number: int
) -> tuple[Array, Array]:
    """Return spot and INDIA VIX after 0, 1, ... minutes of the cash session, or their closes."""
    levels = spot.index_minutes(VIX, number, sessions)
    made = (
        spot.index_minutes(of.spot, number, sessions)
        if of.is_index
        else spot.minutes(of.lane, number, sessions)
    )
    if made is None or levels is None:
        count = len(sessions)
        last = (
            spot.index_rows(of.spot, count)["close"][number]
            if of.is_index
            else spot.row(of.lane, number, count).close
        )
        return np.array([last]), spot.index_rows(VIX, count)["close"][number : number + 1]
    return tuple(np.concatenate([m.open[:1], m.close]) for m in (made, levels))  # type: ignore[return-value]


def _skew(seed: int, of: Underlying, number: int) -> float:
    usual = smile.SKEW if of.is_index else smile.SKEW_OF_SHARES
    return usual + smile.SKEW_SWING * float(np.tanh(_slow(seed, SKEW, of.number, number)))


def _slow(seed: int, purpose: int, key: int, number: int) -> float:
    """Return a figure of about size 1 that changes little from one session to the next."""
    draws = stream(seed, purpose, key).standard_normal(number + 1)[-_LOOK_BACK:][::-1]
    return float(draws @ _SLOWNESS ** np.arange(len(draws))) * float(np.sqrt(1 - _SLOWNESS**2))
