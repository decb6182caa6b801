"""What one session holds of every contract: terms, markets, boards and interest, made once.

What belongs to a session, or to one of its minutes, is kept for a while; nothing else is
remembered, and nothing here is a frame or a quote of the domain.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np

from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import OutOfRange, UnknownName
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.expiries import Expiry
from alphastock_cli.exchange.indices import canonical_index
from alphastock_cli.providers.sim import chain, contracts, interest, moments
from alphastock_cli.providers.sim.contracts import FNO, Terms, Underlying
from alphastock_cli.providers.sim.days import Array
from alphastock_cli.providers.sim.kept import Kept
from alphastock_cli.providers.sim.moments import Moment
from alphastock_cli.providers.sim.spot import Spot

_TERMS_KEPT, _MARKETS_KEPT, _CHAINS_KEPT = 4096, 512, 512
_EPOCH = datetime(1970, 1, 1, tzinfo=calendar.IST).replace(hour=5, minute=30)


@dataclass(frozen=True, slots=True)
class Now:
    """A moment as the derivatives see it: session, state, and whether it is under way.

    `number` counts sessions from 0; `state` is how many minutes are over, -1 for all of them.
    """

    sessions: tuple[date, ...]
    number: int
    state: int
    under_way: bool
    time: datetime
    today: date


def now(moment: Moment) -> Now:
    """Return where the derivatives stand at a moment; they close later than the shares."""
    day = moment.sessions[-1]
    ends = moments.end(day, FNO)
    under_way = moment.at < ends
    starts = moments.minute_starts(day, FNO)
    state = moments.minutes_over(day, moment.at, FNO) if under_way and len(starts) else -1
    return Now(
        sessions=moment.sessions, number=len(moment.sessions) - 1, state=state,
        under_way=under_way, time=moment.at if under_way else ends, today=moment.at.date(),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """One expiry on one session: its terms, and what is held of its options.

    `numbers` are the strikes as multiples of the step, with all that are quoted.
    """

    terms: Terms
    numbers: Array
    strikes: Array
    flow: interest.Flow

    @property
    def shown(self) -> slice:
        """Which of the quoted strikes are listed."""
        low = self.terms.first - int(self.numbers[0])
        return slice(low, low + self.terms.last - self.terms.first + 1)


class Books:
    """Every contract on the indices and shares of a cash market."""

    def __init__(self, spot: Spot) -> None:
        self.spot = spot
        self.underlyings = contracts.underlyings(spot)
        self._terms: Kept[Terms] = Kept(_TERMS_KEPT)
        self._markets: Kept[chain.Market] = Kept(_MARKETS_KEPT)
        self._before: Kept[chain.Market] = Kept(_MARKETS_KEPT)
        self._over: Kept[chain.Market] = Kept(_MARKETS_KEPT)
        self._listed: Kept[Listed] = Kept(_CHAINS_KEPT)
        self._boards: Kept[chain.Board] = Kept(_CHAINS_KEPT)
        self._futures: Kept[tuple[int, int, int]] = Kept(_TERMS_KEPT)

    def underlying(self, name: str) -> Underlying:
        """Return an underlying by the name of its contracts or of its index.

        Raises
        ------
        UnknownName
            No contracts are listed on it.
        """
        symbol = name.strip().upper()
        if symbol in self.underlyings:
            return self.underlyings[symbol]
        index = canonical_index(name)
        for of in self.underlyings.values():
            if of.is_index and of.spot == index:
                return of
        raise UnknownName.of("underlying", name, self.underlyings)

    def expiry(self, of: Underlying, day: date, at: Now) -> Expiry:
        """Return a listed expiry by its day.

        Raises
        ------
        UnknownName
            It is not listed on the moment's day.
        """
        items = self.expiries(of, at)
        for item in items:
            if item.day == day:
                return item
        known = [f"{item.day:%Y-%m-%d}" for item in items]
        raise UnknownName.of(f"expiry of {of.symbol}", f"{day:%Y-%m-%d}", known)

    def expiries(self, of: Underlying, at: Now) -> tuple[Expiry, ...]:
        """Return what is listed on the moment's day.

        Raises
        ------
        OutOfRange
            The tables do not reach that day.
        """
        return contracts.listed(contracts.rules_of(of), at.today)

    def terms(self, of: Underlying, item: Expiry, at: Now) -> Terms:
        """Return the terms of a listed expiry on the moment's session."""
        key = (of.symbol, item.day, at.number)
        return self._terms.get(
            key, lambda: contracts.terms(self.spot, of, item, at.sessions, at.number)
        )

    def find(self, symbol: str, at: Now) -> tuple[Terms, str] | None:
        """Return the terms a tradingsymbol begins with and the rest of it, None if unknown."""
        for length in range(len(symbol), 0, -1):
            of = self.underlyings.get(symbol[:length])
            if of is None:
                continue
            try:
                items = self.expiries(of, at)
            except OutOfRange:
                return None
            for item in items:
                code = contracts.code(of.symbol, item)
                if symbol.startswith(code):
                    return self.terms(of, item, at), symbol[len(code) :]
        return None

    def market(self, of: Underlying, at: Now) -> chain.Market:
        """Return the underlying on the moment's session, all of its states."""
        return self._markets.get(
            (of.symbol, at.number), lambda: chain.market(self.spot, of, at.sessions, at.number)
        )

    def market_now(self, of: Underlying, at: Now) -> chain.Market:
        """Return the underlying at the moment: its state is there, others may not be."""
        if at.state >= 0:
            return self.market(of, at)
        return self._over.get(
            (of.symbol, at.number),
            lambda: chain.market_over(self.spot, of, at.sessions, at.number),
        )

    def market_before(self, of: Underlying, at: Now) -> chain.Market:
        """Return the end of the session before, in terms of the moment's."""
        return self._before.get(
            (of.symbol, at.number),
            lambda: chain.market_before(self.spot, of, at.sessions, at.number),
        )

    def board(self, held: Listed, at: Now) -> chain.Board:
        """Return the options of an expiry as they stand at the moment."""
        of, terms = held.terms.of, held.terms
        return self._boards.get(
            (of.symbol, terms.expiry, at.number, at.state),
            lambda: chain.board(terms, self.market_now(of, at), held.strikes, at.state),
        )

    def held(self, terms: Terms, at: Now) -> Listed:
        """Return what is held of an expiry's options."""

        def make() -> Listed:
            numbers = np.arange(terms.lowest, terms.highest + 1)
            before, today = self._ends(terms, at)
            flow = interest.options(self.spot.seed, terms, numbers, before=before, today=today)
            strikes = np.round(numbers * terms.step, 2)
            return Listed(terms, numbers, strikes, flow)

        return self._listed.get((terms.of.symbol, terms.expiry, at.number), make)

    def _ends(self, terms: Terms, at: Now) -> tuple[interest.Ends | None, interest.Ends]:
        make, n = chain.ends, at.number
        today = make(self.spot, terms, at.sessions, n, basis=n)
        if not self.listed_before(terms, at):
            return None, today
        return make(self.spot, terms, at.sessions, n - 1, basis=n), today

    def listed_before(self, terms: Terms, at: Now) -> bool:
        """Tell whether an expiry was listed on the session before."""
        if at.number == 0:
            return False
        try:
            items = contracts.listed(contracts.rules_of(terms.of), at.sessions[at.number - 1])
        except OutOfRange:
            return False
        return any(item.day == terms.expiry for item in items)

    def book(self, held: Listed, at: Now) -> Array:
        """Return lots on offer, (strikes, CE and PE, buy and sell, levels)."""
        ordinal = at.sessions[at.number].toordinal()
        return interest.book(
            self.spot.seed, held.terms, held.numbers,
            ordinal=ordinal, step=at.state, base=held.flow.before,
        )  # fmt: skip

    def future_flow(self, terms: Terms, at: Now) -> tuple[int, int, int]:
        """Return lots of a future held the day before, held now, and traded so far."""

        def make() -> tuple[int, int, int]:
            before, today = self._ends(terms, at)
            return interest.future(self.spot.seed, terms, before=before, today=today)

        start, end, whole = self._futures.get((terms.code, at.number), make)
        done = self.done(terms.of, at)
        return start, start + round((end - start) * done), int(whole * done)

    def flow(self, held: Listed, at: Now) -> tuple[Array, Array]:
        """Return lots held now and traded so far, (strikes, 2) each."""
        flow, done = held.flow, self.done(held.terms.of, at)
        moved = np.rint((flow.after - flow.before) * done).astype(np.int64)
        return flow.before + moved, np.floor(flow.volume * done).astype(np.int64)

    def done(self, of: Underlying, at: Now) -> float:
        """Return which part of the session's trading is over, 0 to 1."""
        return float(self.market_now(of, at).done[at.state])

    def price(self, of: Underlying, at: Now) -> float:
        """Return the price of the underlying at the moment, rupees."""
        return float(self.market_now(of, at).spot[at.state])

    def traded(self, of: Underlying, at: Now) -> datetime:
        """Return the end of the last minute that is over: when what trades has traded last."""
        return _EPOCH + timedelta(microseconds=int(self.market_now(of, at).times[at.state]))
