"""Row R-7: answers that are none, through the whole client; one in a hundred over a socket.

A good body is taken apart in the ways of the row: cut, bytes changed, values of another type, keys
gone or doubled, numbers without end, nesting without end. Each has to end in a `BadReply`, or in
an answer that passes its checks: never in another exception.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from alphastock_cli.domain.frames import CANDLES
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import AuthError, BadReply, ProviderError
from alphastock_cli.providers.kite import history, quoting
from alphastock_cli.providers.kite.notes import Notes
from alphastock_cli.providers.kite.rest import KiteRest
from alphastock_cli.providers.kite.wire import Wire
from tests.campaign.counts import Counts
from tests.conftest import ManualClock
from tests.unit.kite_host import NOW, PROFILE, client, hosting, reply

_DAY = date(2026, 11, 19)
_BITS = (None, True, False, "", "x", "NaN", "2026-11-19T09:15:00+0530", "Infinity", -1, 0, 1.5,
         10**17, 10**18, 1e308, -1e308, [], {}, [[]], {"a": 1}, "\u202e\x1b[2J")  # fmt: skip
_RAW = (b"NaN", b"Infinity", b"-Infinity", b"1e400", b"9" * 5000, b"[" * 100_000, b'{"a":' * 50_000,
        b"\xff\xfe", b"\x00", b"01", b"'x'", b"nul")  # fmt: skip
_QUOTE = {
    "NSE:SBIN": {
        "last_price": 800.5, "volume": 100, "oi": 0, "timestamp": "2026-11-20 10:59:59",
        "last_trade_time": "2026-11-20 10:59:58", "ohlc": dict.fromkeys(history._NAMES[:4], 800.0),
        "depth": {"buy": [{"price": 800.0, "quantity": 5, "orders": 1}], "sell": []},
    }
}  # fmt: skip
_CANDLES = {"candles": [[f"2026-11-19T09:{m}:00+0530", 1.0, 2.0, 0.5, 1.5, 10] for m in (15, 16)]}


class Fed(Wire):
    """A wire whose next answer is given by hand."""

    body = b""

    def _exchange(self, *_: Any, **__: Any) -> tuple[int, Mapping[str, str], bytes]:
        return 200, {"content-type": "application/json"}, self.body


def r7(repeats: int, seed: int) -> Counts:
    """Malformed answers: a typed error or a checked answer, never another exception."""
    found, dice, clock = Counts("R-7", seed), random.Random(seed), ManualClock(NOW)
    with hosting(reply(b"")) as host, tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        over = client(folder, host.root, clock)
        fed, wire = client(folder, host.root, clock), Fed(clock, Notes(folder, clock), seconds=10.0)
        fed._wire = wire
        for number in range(repeats):
            clock._monotonic += 0.01  # or its budget would fill: the login may not end
            kind = dice.choice([*_ASKED])
            body = _broken(dice, {"status": "success", "data": _ASKED[kind][0]})
            socket = number % 100 == 99
            if socket:
                host.answers = [reply(body)]
            wire.body = body
            outcome = _outcome(_ASKED[kind][1], over if socket else fed)
            found.notes[outcome] += 1
            found.notes["over a socket"] += socket
            found.judge(good=outcome in {"refused", "usable"}, why=f"{kind}: {outcome}")
        over.close()
        wire.close()
    return found


def _outcome(ask: Callable[[KiteRest], None], rest: KiteRest) -> str:
    try:
        ask(rest)
    except BadReply as error:  # one that only the last net of the client caught is a miss as well
        return "caught by the last net" if "by the SDK" in error.what else "refused"
    except (AuthError, ProviderError) as error:  # an answer may be broken into a refusal
        return "refused" if "Kite" in error.what else type(error).__name__
    except Exception as error:  # noqa: BLE001 - this is what is counted
        return type(error).__name__
    return "usable"


def _profile(rest: KiteRest) -> None:
    held = rest.profile()
    assert isinstance(held["user_id"], str)


def _quotes(rest: KiteRest) -> None:
    for key, row in rest.quotes(["NSE:SBIN"]).items():
        quote = quoting.quote_of(key, row, NOW)
        assert quote.last_price is None or quote.last_price > 0


def _candles(rest: KiteRest) -> None:
    rows = rest.candles(779521, Interval.MINUTE, NOW - timedelta(days=1), NOW)
    found = history.checked(rows, symbol="SBIN", exchange=Exchange.NSE, interval=Interval.MINUTE,
                            span=(_DAY, _DAY), now=NOW, steady=True)  # fmt: skip
    assert found.candles.schema == CANDLES


_ASKED: dict[str, tuple[Any, Callable[[KiteRest], None]]] = {
    "profile": (PROFILE, _profile), "quotes": (_QUOTE, _quotes), "candles": (_CANDLES, _candles),
}  # fmt: skip


# -- taking a body apart -------------------------------------------------------------------------


def _broken(dice: random.Random, body: dict[str, Any]) -> bytes:
    way = dice.randrange(5)
    if way == 0:  # whatever
        return dice.choice(
            [*_RAW, b"", b"[]", b"null", b'"x"', dice.randbytes(dice.randint(1, 90))]
        )
    if way == 1:  # values, keys and depths
        changed = body
        for _ in range(dice.randint(1, 3)):
            changed = _changed(dice, changed)
        return json.dumps(changed).encode()
    text = bytearray(json.dumps(body).encode())
    if way == 2:  # cut
        return bytes(text[: dice.randrange(len(text))])
    if way == 3:  # bytes
        for _ in range(dice.randint(1, 5)):
            text[dice.randrange(len(text))] = dice.randrange(256)
        return bytes(text)
    places = [
        n for n, byte in enumerate(text) if byte in b":,["
    ]  # a raw piece for a value, a key twice
    at = dice.choice(places) + 1
    piece = dice.choice([*(bit + b"," for bit in _RAW[:5]), *_RAW, b'"a":1,"a":2,'])
    return bytes(text[:at] + piece + text[at:])


def _changed(dice: random.Random, value: Any) -> Any:
    """Return a value with something in it replaced, gone or added."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = dice.choice([*value])
        if dice.random() < 0.15:
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: _changed(dice, value[key])}
    if isinstance(value, list) and value and dice.random() < 0.9:
        at = dice.randrange(len(value))
        if dice.random() < 0.15:
            return [*value[:at], *value[at + 1 :]]
        return [*value[:at], _changed(dice, value[at]), *value[at + 1 :]]
    return dice.choice(_BITS)
