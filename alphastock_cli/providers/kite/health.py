"""The rows of `doctor` about Kite: login, clock, plan, last refusal, budget, folder, streams.

Read from this disk alone: nobody is asked. No secret is shown, and no user id.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from alphastock_cli.errors import AlphaStockError
from alphastock_cli.providers.kite.budget_place import VARIABLE
from alphastock_cli.providers.kite.connection import Connection
from alphastock_cli.providers.kite.credentials import FILE, KEY_VARIABLE
from alphastock_cli.providers.kite.stream.hours import moves
from alphastock_cli.providers.kite.stream.standing import running
from alphastock_cli.providers.kite.stream.state import Patience

_WARN, _REFUSE = 2.0, 5.0  # seconds between two clocks: worth a word, too much for an order
_SOON = timedelta(hours=1)
_STUCK = 10.0  # seconds without a word of a stream that writes every two


class Row(NamedTuple):
    """One line: what was looked at, ok or warn or fail, what was seen, what mends it."""

    name: str
    status: str
    detail: str
    fix: str = ""


def rows(connection: Connection, *, asked: bool) -> list[Row]:
    """Return the rows; none where nobody uses Kite here, unless `asked` for."""
    if not (asked or _is_used(connection)):
        return []
    return [*_login(connection), *_folder(connection), *_said(connection), *_budget(connection),
            *_streams(connection)]  # fmt: skip


def _is_used(connection: Connection) -> bool:
    keyed = bool(os.environ.get(KEY_VARIABLE)) or connection.settings.secrets == "keyring"
    return keyed or connection.sessions.path.exists() or (connection.folder / FILE).exists()


def _login(connection: Connection) -> Iterator[Row]:
    now = connection.clock.now()
    try:
        source = connection.credentials.source
        yield Row("kite key", "ok", f"from the {source}")
        held = connection.sessions.alive(connection.credentials.api_key)
    except AlphaStockError as error:
        yield Row("kite login", "warn", error.what, error.hint)
        return
    age, left = now - held.login_time, held.expires - now
    detail = f"{_span(age)} old, ends {held.expires:%d %b %H:%M} (in {_span(left)})"
    if left < _SOON:
        yield Row("kite login", "warn", detail, "Run `alphastock login` after that.")
    else:
        yield Row("kite login", "ok", detail)


def _folder(connection: Connection) -> Iterator[Row]:
    folder = connection.folder
    for path in (folder, *sorted(folder.glob("*.json")), folder / FILE):
        try:
            facts = path.lstat()
        except OSError:
            continue
        mode = stat.S_IMODE(facts.st_mode)
        if stat.S_ISLNK(facts.st_mode) or mode & 0o077:
            wanted = "700" if stat.S_ISDIR(facts.st_mode) else "600"
            yield Row("kite secrets", "fail", f"{path} is open to others (mode {mode:04o})",
                      f"chmod {wanted} {path}")  # fmt: skip


def _said(connection: Connection) -> Iterator[Row]:
    held = connection.notes.read()
    skew, at = _number(held.get("skew")), _moment(held.get("skew_at"))
    if skew is not None and at is not None:
        status = "fail" if abs(skew) > _REFUSE else "warn" if abs(skew) > _WARN else "ok"
        side = "behind" if skew > 0 else "ahead of"
        fix = "Set the machine's clock (NTP)." if status != "ok" else ""
        yield Row("kite clock", status, f"ours is {abs(skew):.1f} s {side} Kite's,"
                  f" {_ago(connection, at)}", fix)  # fmt: skip
    if isinstance(held.get("entitled"), bool):
        yes = held["entitled"]
        yield Row("kite plan", "ok" if yes else "warn",
                  "quotes and candles are answered" if yes else "no market data for this api key",
                  "" if yes else "Market data needs the paid plan of Kite Connect.")  # fmt: skip
    refusal = held.get("refusal")
    if isinstance(refusal, dict):
        when = _moment(refusal.get("at"))
        ago = f", {_ago(connection, when)}" if when else ""
        words = f"{refusal.get('status')} {refusal.get('type')}: {refusal.get('message')}{ago}"
        why = str(refusal.get("reason") or "")
        yield Row("kite refusal", "ok", words, why[:1].upper() + why[1:] + "." if why else "")


def _budget(connection: Connection) -> Iterator[Row]:
    try:
        used = connection.budget.usage()
    except AlphaStockError:
        return
    parts = [f"{each.name} {each.used} of {each.calls}" for each in used]
    paused = [f"{each.name} rests {each.paused:.0f} s" for each in used if each.paused > 0]
    waiting = sum(each.waiting for each in used)
    more = [f"{waiting} waiting"] if waiting else []
    yield Row("kite budget", "warn" if paused else "ok", ", ".join([*parts, *paused, *more]))
    if connection.counts.remark:
        fix = f"Make it a folder of your own that others cannot write, or set {VARIABLE}."
        yield Row("kite budget", "warn", connection.counts.remark, fix)


def _streams(connection: Connection) -> Iterator[Row]:
    found = running(connection.folder)
    if not found:
        yield Row("kite stream", "ok", "none is running")
    for each in found:
        now = connection.clock.now()
        words, ties = _stream_words(each), each["connections"]
        silent = (now - each["at"]).total_seconds()
        quiet = Patience()
        moving = any(moves(code, now) for code in each["segments"])
        wrong = [tie for tie in ties if _is_quiet(tie, quiet, moving=moving)]
        never = all(tie["tick_age"] is None for tie in ties) and moving
        if never and (now - each["since"]).total_seconds() > quiet.tick:
            wrong = ties
        if silent > _STUCK:
            yield Row("kite stream", "warn", f"{words}; not heard of for {silent:.0f} s",
                      f"End process {each['pid']}, or wait: it may be suspended.")  # fmt: skip
        elif not ties:
            yield Row("kite stream", "warn", f"{words}; it has ended",
                      "Run `alphastock login`, then the command again.")  # fmt: skip
        elif wrong:
            name, error = wrong[0]["name"], wrong[0]["error"]
            why = "silent" if name == "up" else f"{name}: {error}" if error else name
            yield Row("kite stream", "warn", f"{words}; {why}",
                      "It connects again by itself; if that lasts, see the line `kite login`"
                      " and the network.")  # fmt: skip
        else:
            yield Row("kite stream", "ok", words)


def _stream_words(held: dict[str, Any]) -> str:
    """Return what a stream wrote, seconds as they were then: SECONDS ago at most."""
    ties = held["connections"]
    parts = [_count(len(ties), "connection"), _count(held["following"], "instrument")]
    worst = " at worst" if len(ties) > 1 else ""
    for name, word in (("message_age", "message"), ("tick_age", "tick")):
        ages = [tie[name] for tie in ties if tie[name] is not None]
        parts.append(f"last {word} {max(ages):.1f} s ago{worst}" if ages else f"no {word} yet")
    again = sum(max(0, tie["opened"] - 1) for tie in ties)
    parts += [_count(again, "reconnection"), f"since {held['since']:%d %b %H:%M}"]
    return f"{held['who']} (pid {held['pid']}): {', '.join(parts)}"


def _is_quiet(tie: dict[str, Any], bounds: Patience, *, moving: bool) -> bool:
    """Tell whether a connection is silent for longer than its own watchdog bears."""
    message, tick = tie["message_age"], tie["tick_age"]
    if tie["name"] != "up" or (message is not None and message > bounds.message):
        return True
    return moving and tick is not None and tick > bounds.tick + bounds.look


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + "s" * (number != 1)


def _span(length: timedelta) -> str:
    minutes = max(0, int(length.total_seconds() // 60))
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _ago(connection: Connection, at: datetime) -> str:
    return f"{_span(connection.clock.now() - at)} ago"


def _moment(value: Any) -> datetime | None:  # noqa: ANN401 - as read
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _number(value: Any) -> float | None:  # noqa: ANN401 - as read
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
