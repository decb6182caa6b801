"""One connection of the ticker, kept alive: opened, watched, subscribed, opened again.

Everything from outside is injected: how to connect, the login, clock, chance, hours. What comes in
goes to the mailbox; what is to be done with it is not known here.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from alphastock_cli.domain.ports import Clock
from alphastock_cli.providers.kite.stream import packets
from alphastock_cli.providers.kite.stream.dialling import (
    Dial,
    Login,
    LoginRefused,
    Lost,
    NotLoggedIn,
    Socket,
    TooMany,
    Unreachable,
)
from alphastock_cli.providers.kite.stream.gate import Gate
from alphastock_cli.providers.kite.stream.hours import Hours, moves
from alphastock_cli.providers.kite.stream.mailbox import Gap, Mailbox
from alphastock_cli.providers.kite.stream.orders import OrderUpdates
from alphastock_cli.providers.kite.stream.state import Patience, State
from alphastock_cli.providers.kite.stream.texts import changes, parsed
from alphastock_cli.providers.kite.stream.watchdog import Verdict, Watchdog
from alphastock_cli.safety import redacted, safe_text

log = logging.getLogger("alphastock.kite.stream")
log.addHandler(logging.NullHandler())  # where nobody listens it is not printed over a live view

_LARGEST = 2 * 1024**2  # bytes; 3,000 full packets are a quarter of it
_DOUBLINGS = 16
_ALIVE = frozenset({None, "duplicate"})  # the same again says that it still is so


class Ticker:
    """One connection.

    Parameters
    ----------
    login : callable
        Reads the login anew before each attempt.
    dial : callable
        Opens a connection.
    mailbox : Mailbox
        Takes what comes in.
    updates : OrderUpdates
        Tells which order updates are news, for all connections of a login together.
    counts : Counter
        Gains one under the reason of whatever was left out.
    hours : callable
        Tells whether silence of a segment is a fault.
    liquid : collection of int
        Tokens whose silence is one, without having been observed.
    behind : callable
        Returns the seconds by which our clock is known to be behind Kite's; 0 where nobody knows.
    """

    def __init__(
        self, *, login: Callable[[], Login], dial: Dial, mailbox: Mailbox, updates: OrderUpdates,
        counts: Counter[str], clock: Clock, dice: random.Random, patience: Patience | None = None,
        hours: Hours = moves, liquid: Collection[int] = (),
        behind: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        self._behind = behind
        self._login, self._dial, self._mailbox, self._updates = login, dial, mailbox, updates
        self._counts, self._clock, self._dice, self._hours = counts, clock, dice, hours
        self._patience = patience or Patience()
        self._gate = Gate(counts)
        self._watchdog = Watchdog(
            tick_seconds=self._patience.tick, token_seconds=self._patience.token, liquid=liquid
        )
        self._wanted: dict[int, str] = {}
        self._sent: dict[int, str] = {}
        self._changed = asyncio.Event()
        self._state = State()
        self._heard: float | None = None
        self._began: float | None = None
        self._heard_at: datetime | None = None
        self._ask: set[int] = set()

    # -- what others call -----------------------------------------------------------------------

    def want(self, modes: Mapping[int, str]) -> None:
        """Follow exactly these tokens, each in its mode, from now on and after every loss."""
        gone = self._wanted.keys() - modes.keys()
        self._wanted = dict(modes)
        for token in gone:
            self._gate.forget(token)
        self._changed.set()

    def state(self, now: float | None = None) -> State:
        """Return what it is doing; of another thread `now` is the time of the loop it runs in."""
        if now is None:
            now = asyncio.get_running_loop().time()
        heard, newest, began = self._heard, self._watchdog.newest, self._began
        return replace(
            self._state,
            message_age=None if heard is None else now - heard,
            tick_age=None if newest is None else now - newest,
            stood=None if began is None else now - began,
        )

    def has_ticked(self, token: int) -> bool:
        """Tell whether a token ticked over the connection that stands; of any thread."""
        return self._state.name == "up" and self._watchdog.has_ticked(token)

    async def run(self) -> None:
        """Connect and stay connected until cancelled.

        Raises
        ------
        LoginRefused
            A second look found no other token.
        AuthError
            Nobody is logged in any more.
        """
        refused, attempt = "", 0
        try:
            while True:
                login = self._login()
                if login.access_token == refused:
                    raise LoginRefused(login)
                try:
                    socket = await self._open(login)
                except NotLoggedIn:
                    refused = login.access_token
                    continue
                except TooMany:
                    await self._rest(self._patience.busy * (1 + self._dice.random()))
                    continue
                except Unreachable:
                    attempt += 1
                else:
                    refused = ""
                    stood = await self._stand(socket)
                    attempt = 1 if stood >= self._patience.settled else attempt + 1
                await self._rest(self._pause(attempt))
        finally:
            self._state.name = "stopped"

    # -- from one connection to the next --------------------------------------------------------

    async def _open(self, login: Login) -> Socket:
        self._state.name = "connecting"
        self._state.attempts += 1
        try:
            return await self._dial(login)
        except Unreachable as error:
            self._lost(type(error).__name__, str(error))
            raise

    def _pause(self, attempt: int) -> float:
        """Return a pause with full jitter: many programs must not come back together."""
        most = self._patience.first * 2 ** min(attempt - 1, _DOUBLINGS)
        return self._dice.uniform(0.0, min(self._patience.longest, most))

    async def _rest(self, seconds: float) -> None:
        self._state.name = "waiting"
        await asyncio.sleep(seconds)

    async def _stand(self, socket: Socket) -> float:
        """Use a connection until it ends, and return how long it stood."""
        loop = asyncio.get_running_loop()
        began = self._heard = loop.time()
        self._begin(began)
        parts = [self._listen(socket), self._watch(), self._speak(socket)]
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except Lost as error:
            self._lost("closed", str(error))
        except _Dead as error:
            self._lost(str(error), str(error))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(Exception):  # it is given up; how it ends does not matter
                async with asyncio.timeout(self._patience.close):
                    await socket.close()
        return loop.time() - began

    def _begin(self, now: float) -> None:
        """Start afresh: nothing is subscribed, and what was missed is a gap."""
        moment = self._clock.now()
        if self._heard_at is not None:
            reasons = tuple(self._state.losses) or ("closed",)
            self._mailbox.put_gap(Gap(min(self._heard_at, moment), moment, reasons))
            self._state.losses = Counter()
        self._heard_at = moment
        self._state.name, self._began = "up", now
        self._state.connections += 1
        self._sent, self._ask = {}, set()
        self._gate.reconnected()
        self._watchdog.connected(now)
        self._changed.set()

    def _lost(self, kind: str, words: str) -> None:
        self._state.losses[kind] += 1
        self._state.last_error = words
        log.info("ticker: %s", redacted(words))

    # -- the three things that go on while it stands --------------------------------------------

    async def _listen(self, socket: Socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            message = await socket.recv()
            self._heard, self._heard_at = loop.time(), self._clock.now()
            if isinstance(message, str):
                self._text(message)
            elif len(message) > _LARGEST:
                self._counts["oversize"] += 1
            elif len(message) > 1:
                self._frame(message, self._heard, self._heard_at)

    async def _watch(self) -> None:
        """Look at the ages; end the connection when its silence is a fault."""
        loop, patience = asyncio.get_running_loop(), self._patience
        while True:
            assert self._heard is not None
            left = self._heard + patience.message - loop.time()
            if left <= 0:
                raise _Dead("no message")
            await asyncio.sleep(min(left, patience.look))
            verdict = self._verdict(loop.time())
            if verdict.reconnect:
                raise _Dead("no ticks")
            if verdict.ask:
                log.info("ticker: %d silent instruments asked for again", len(verdict.ask))
                self._state.asked_again += 1
                for token in verdict.ask:  # what was believed may be why nothing else is
                    self._gate.forget(token)
                self._ask |= self._sent.keys() & set(verdict.ask)
                self._changed.set()

    def _verdict(self, now: float) -> Verdict:
        moment = self._clock.now()
        codes = {token & 0xFF for token in self._sent}
        return self._watchdog.judge({code for code in codes if self._hours(code, moment)}, now)

    async def _speak(self, socket: Socket) -> None:
        """Tell the server what is followed, whenever that changes."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            for text in self._requests():
                try:  # `wait_for` of Python 3.11 may swallow a cancellation; this does not
                    async with asyncio.timeout(self._patience.send):
                        await socket.send(text)
                except TimeoutError:
                    raise _Dead("takes no requests") from None

    def _requests(self) -> list[str]:
        """Return the messages that make of what is followed what is wanted."""
        wanted, sent = self._wanted, self._sent
        now = asyncio.get_running_loop().time()
        texts = changes(sent, wanted, again=self._ask)
        self._watchdog.unsubscribed(sent.keys() - wanted.keys())
        self._watchdog.subscribed(sorted(wanted.keys() - sent.keys()), now)
        self._sent, self._ask = dict(wanted), set()
        return texts

    # -- what comes in --------------------------------------------------------------------------

    def _frame(self, frame: bytes, now: float, moment: datetime) -> None:
        # what the clock is ahead is not taken off: a stamp of then is believed a little too early
        seconds = int(moment.timestamp() + max(0.0, self._behind()))
        believed = []
        for packet in packets.decode(frame, self._counts):
            token = packet[packets.TOKEN]
            if token not in self._sent:
                self._counts["not_subscribed"] += 1
                continue
            reason = self._gate.judge(packet, seconds)
            if reason is None:
                believed.append(packet)
            if reason in _ALIVE:
                self._watchdog.ticked(token, now)
        if believed:
            self._mailbox.put_ticks(believed, moment)

    def _text(self, text: str) -> None:
        message = parsed(text) if len(text) <= _LARGEST else {}
        kind, data = message.get("type"), message.get("data")
        if kind == "order" and isinstance(data, dict):
            try:
                if self._updates.news(data):
                    self._mailbox.put_order(data)
                else:
                    self._counts["order_known"] += 1
            except ValueError as error:
                self._counts["bad_order"] += 1
                log.warning("ticker: %s", redacted(str(error)))
                now = self._clock.now()  # something happened: the book of orders says what
                self._mailbox.put_gap(Gap(now, now, ("an unreadable order update",)))
        elif kind == "error":
            self._counts["error_text"] += 1
            self._state.last_error = safe_text(redacted(str(data)), limit=120)
            log.warning("ticker: Kite says: %s", self._state.last_error)
        elif kind == "message":
            self._counts["broadcast"] += 1
        else:
            self._counts["bad_text"] += 1


class _Dead(Exception):
    """A connection is open and of no use."""
