"""The ticker for code that does not know asyncio: its few connections in one thread.

What is read here is in the caller's thread; the gap after a loss is filled there too, before
anything newer is handed out.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Self

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import UsageError
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.providers.kite.stream.client import Ticker
from alphastock_cli.providers.kite.stream.dialling import Dial, Login, dialler
from alphastock_cli.providers.kite.stream.forms import mode_of, quote_of
from alphastock_cli.providers.kite.stream.hours import Hours, moves
from alphastock_cli.providers.kite.stream.mailbox import Batch, Gap, Mailbox, Tick
from alphastock_cli.providers.kite.stream.orders import OrderUpdates
from alphastock_cli.providers.kite.stream.shards import plan, room
from alphastock_cli.providers.kite.stream.state import Health, Patience, State, trouble
from alphastock_cli.providers.kite.stream.texts import MODES

log = logging.getLogger("alphastock.kite.stream")

_TELL_SECONDS = 60.0
_JOIN_SECONDS = 10.0
_NO_FAULT = frozenset({"merged", "broadcast", "order_known", "duplicate"})


def nothing_to_fill(gap: Gap) -> None:
    """Fill no gap: for views, which show the next tick whatever was before."""
    del gap


class Stream:
    """Live ticks and order updates of one login.

    Parameters
    ----------
    login : callable
        Reads the login anew; raises `AuthError` where there is none that holds.
    dial : callable, optional
        Opens a connection; Kite's own where none is given.
    fill : callable
        Asks for orders, trades and candles of a gap. What it raises comes out of `take`, and the
        gap stays: it is asked for again before anything is handed out.
    liquid : collection of int
        Tokens that tick at least every few seconds while their market is open, e.g. indices.
    behind : callable
        Returns the seconds by which our clock is known to be behind Kite's; 0 where nobody knows.

    Examples
    --------
    ``with Stream(login=..., clock=...) as stream: stream.follow({256265: "quote"})``, then
    ``stream.take(1.0).ticks``.
    """

    def __init__(
        self, *, login: Callable[[], Login], clock: Clock, dial: Dial | None = None,
        dice: random.Random | None = None, patience: Patience | None = None,
        fill: Callable[[Gap], None] = nothing_to_fill, hours: Hours = moves,
        liquid: Collection[int] = (), behind: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        self._behind = behind
        self.counts: Counter[str] = Counter()
        self._login, self._clock, self._fill = login, clock, fill
        self._dial = dial or dialler()
        self._dice = dice or random.Random()  # noqa: S311 - spreads attempts, hides nothing
        self._patience, self._hours, self._liquid = patience or Patience(), hours, liquid
        self._mailbox = Mailbox(self.counts)
        self._updates = OrderUpdates()
        self._following: dict[int, str] = {}
        self._places: dict[int, int] = {}
        self._room = room(clock.now().astimezone(IST).date())
        self._latest: dict[int, Tick] = {}
        self._tickers: dict[int, tuple[Ticker, asyncio.Task[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, name="kite-stream", daemon=True)

    # -- beginning and end ----------------------------------------------------------------------

    def start(self) -> Self:
        """Begin; connections open with the first instruments, or at once for order updates."""
        self._thread.start()
        self._ready.wait()
        return self

    def close(self) -> None:
        """End all connections and the thread; what waits can still be taken."""
        if self._loop is not None and self._stop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.is_alive():
            self._thread.join(_JOIN_SECONDS)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # -- what is followed -----------------------------------------------------------------------

    def follow(self, modes: Mapping[int, str]) -> None:
        """Follow these tokens too, or in another mode: ``ltp``, ``quote`` or ``full``.

        Raises
        ------
        UsageError
            A mode does not exist, or there are more instruments than the ticker carries.
        """
        for mode in modes.values():
            if mode not in MODES:
                raise UsageError(f"mode {mode!r}: give one of {', '.join(MODES)}")
        self._become({**self._following, **modes})

    def leave(self, tokens: Iterable[int]) -> None:
        """Follow these tokens no longer."""
        gone = set(tokens)
        self._become({t: mode for t, mode in self._following.items() if t not in gone})
        self._mailbox.forget(gone)
        for token in gone:
            self._latest.pop(token, None)

    def _become(self, modes: dict[int, str]) -> None:
        self._places = plan(modes, self._places, within=self._room)
        self._following = modes
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended; `take` says why
                self._loop.call_soon_threadsafe(self._spread, modes, self._places)

    # -- what comes -----------------------------------------------------------------------------

    def take(self, seconds: float = 0.0) -> Batch:
        """Return what came since the last call; wait up to `seconds` where there is nothing.

        After a loss the gap is filled first. The batch that follows names it.

        Raises
        ------
        AuthError
            The login was refused, and nothing else waits.
        """
        self._mailbox.wait(seconds)
        return self._take(orders=True)

    def quotes(self, keys: Mapping[str, int]) -> dict[str, Quote]:
        """Return the newest quote of each key whose token ticked, by key; waits for nothing.

        Order updates are left for `take`; ticks are not, so use one or the other for prices.

        Raises
        ------
        AuthError
            The login was refused.
        """
        self._take(orders=False)
        held = self._latest
        return {
            key: quote_of(held[token].packet, key, held[token].received)
            for key, token in keys.items()
            if token in held
        }

    def _take(self, *, orders: bool) -> Batch:
        gap = self._mailbox.gap()
        if gap is not None:
            self._fill(gap)
            self._mailbox.filled(gap)
        batch = self._mailbox.take(gap, orders=orders)
        self._latest.update(batch.ticks)
        return batch

    def health(self) -> Health:
        """Return what the stream is doing."""
        ticks, orders = self._mailbox.waiting
        return Health(
            connections=tuple(self._states().values()), counts=MappingProxyType(dict(self.counts)),
            following=len(self._following), waiting_ticks=ticks, waiting_orders=orders,
        )  # fmt: skip

    def troubles(self) -> dict[int, str]:
        """Return in words what is wrong with each connection, by its number; nothing where well."""
        now = self._clock.now()
        moving = {
            number for token, number in self._places.items() if self._hours(token & 0xFF, now)
        }
        found = {n: trouble(state, moving=n in moving) for n, state in self._states().items()}
        return {number: words for number, words in found.items() if words}

    def current(self, keys: Mapping[str, int]) -> dict[str, Quote]:
        """Return of `quotes` those of a connection that is well now, and brought them itself.

        What came before a loss is left out until it is told again, what came in another mode than
        is followed, and all of a connection that is silent: a call can tell more.

        Raises
        ------
        AuthError
            The login was refused.
        """
        found, ill = self.quotes(keys), self.troubles()
        return {key: quote for key, quote in found.items() if self._is_current(keys[key], ill)}

    def _is_current(self, token: int, ill: Collection[int]) -> bool:
        number = self._places[token]
        if number in ill or number not in self._tickers or not self._thread.is_alive():
            return False
        asked = mode_of(self._latest[token].packet) == self._following[token]
        return asked and self._tickers[number][0].has_ticked(token)

    def _states(self) -> dict[int, State]:
        """Return what each connection is doing, by its number; none once it has ended.

        Their thread is not waited for: it may be ending, or busy.
        """
        if self._loop is None or not self._thread.is_alive():
            return {}
        now = self._loop.time()
        return {number: ticker.state(now) for number, (ticker, _) in list(self._tickers.items())}

    # -- the thread -----------------------------------------------------------------------------

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            asyncio.run(self._main())
        except BaseException as raised:  # noqa: BLE001 - handed to the consumer's thread
            error = raised
        finally:
            self._ready.set()
            self._mailbox.end(error)

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._failed: asyncio.Future[None] = self._loop.create_future()
        self._spread(self._following, self._places)
        self._ready.set()
        telling = asyncio.ensure_future(self._tell())
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            ends: set[asyncio.Future[Any]] = {stopping, self._failed}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = [telling, stopping, *(task for _, task in self._tickers.values())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._failed.done():
            self._failed.result()
        self._failed.cancel()

    def _spread(self, modes: Mapping[int, str], places: Mapping[int, int]) -> None:
        """Let each connection follow its share; the first stays for order updates alone."""
        shares: dict[int, dict[int, str]] = {0: {}}
        for token, number in places.items():
            shares.setdefault(number, {})[token] = modes[token]
        for number in [n for n in self._tickers if n not in shares]:
            self._tickers.pop(number)[1].cancel()
        for number, share in shares.items():
            if number not in self._tickers:
                ticker = Ticker(
                    login=self._login, dial=self._dial, mailbox=self._mailbox,
                    updates=self._updates, counts=self.counts, clock=self._clock, dice=self._dice,
                    patience=self._patience, hours=self._hours, liquid=self._liquid,
                    behind=self._behind,
                )  # fmt: skip
                ticker.want(share)
                task = asyncio.ensure_future(ticker.run())
                task.add_done_callback(self._ended)
                self._tickers[number] = (ticker, task)
            else:
                self._tickers[number][0].want(share)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._failed.done():
            return
        error = task.exception()
        if error is not None:
            self._failed.set_exception(error)

    async def _tell(self) -> None:
        """Log what was left out, once a minute at most."""
        told: Counter[str] = Counter()
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            now = Counter({k: v for k, v in self.counts.items() if k not in _NO_FAULT})
            if new := now - told:
                words = ", ".join(f"{number} {reason}" for reason, number in sorted(new.items()))
                log.warning("ticker: left out in the last minute: %s", words)
            told = now
