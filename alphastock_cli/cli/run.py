"""One run of one command: the merged options, and what the command may ask of the outside.

A command asks its `Run` for settings, clock, lake or provider and hands it a result to show. The
cron options (`--if-open`, `--if-stale`, `--deadline`) are honoured here, before the command starts.
Standard library only at the top: `--help` must not pay for the core.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphastock_cli.errors import PartlyDone, UsageError

if TYPE_CHECKING:
    from alphastock_cli.actions.result import Result
    from alphastock_cli.bootstrap import Wiring
    from alphastock_cli.config import Settings

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
FORMATS = ("table", "json", "ndjson", "csv", "parquet")


class PipeClosedError(Exception):
    """Whoever read our standard output has gone: the end, and no error."""


@dataclass
class Run:
    """The shared options as given (by name, only those given) and everything built from them."""

    given: dict[str, Any] = field(default_factory=dict)
    _created: float = field(default_factory=time.monotonic)
    _began: float | None = None
    _drawn: bool = False
    _warned: set[str] = field(default_factory=set)

    # -- what was asked -----------------------------------------------------------------------

    @property
    def format(self) -> str:
        """The output format: the one asked for, else a table."""
        if self.given.get("json"):
            return "json"
        if self.given.get("csv"):
            return "csv"
        name = str(self.given.get("format", "table")).lower()
        if name not in FORMATS:
            raise UsageError(f"--format {name}: not one of {', '.join(FORMATS)}")
        return name

    def get(self, name: str) -> Any:  # noqa: ANN401 - options are of any type
        """Return a shared option as given, or None."""
        return self.given.get(name)

    @property
    def top(self) -> int | None:
        """The row limit; checked to be positive."""
        top: int | None = self.given.get("top")
        if top is not None and top < 1:
            raise UsageError(f"--top {top}: give a number from 1 up")
        return top

    @cached_property
    def as_of(self) -> datetime | None:
        """The moment asked for by ``--as-of`` or ``--on`` (then the end of that day), aware."""
        moment, day = self.given.get("as_of"), self.given.get("on")
        if moment and day:
            raise UsageError("--on and --as-of ask for two moments", hint="Give one of them.")
        if moment:
            return parse_moment(moment, option="--as-of")
        if day:
            return parse_moment(f"{parse_day(day, option='--on')}T23:59:59", option="--on")
        return None

    @property
    def on(self) -> date | None:
        """The day asked for by ``--on`` or ``--as-of``, else None."""
        return None if self.as_of is None else self.as_of.date()

    def seconds(self, name: str) -> float | None:
        """Return a duration option in seconds, or None when it was not given."""
        text = self.given.get(name)
        option = "--" + name.replace("_", "-")
        return None if text is None else parse_duration(text, option=option)

    # -- what it is built from ----------------------------------------------------------------

    @cached_property
    def wiring(self) -> Wiring:
        """The adapters chosen for this run."""
        from alphastock_cli.bootstrap import Wiring

        return Wiring(
            self.settings, as_of=self.as_of, lock_wait=self.seconds("lock_wait"),
            notify=self.note, progress=self.progress,
        )  # fmt: skip

    @cached_property
    def settings(self) -> Settings:
        """The settings of this run, each with its origin; plug-ins are loaded with them."""
        from alphastock_cli import config

        names = ("provider", "data_dir", "config")
        flags: dict[str, Any] = {k: self.given[k] for k in names if k in self.given}
        settings = config.load(flags=flags, env=os.environ, cwd=Path.cwd())
        plugins = [*settings.plugins, *self.given.get("plugin", [])]
        if plugins:
            from alphastock_cli.registry import load_plugin

            for path in plugins:
                load_plugin(Path(path))
        for text in settings.warnings:
            self.note(f"warning: {text}")
        return settings

    # -- what it says -------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Print a line for a person on standard error, unless ``--quiet``; a warning once."""
        if text.startswith("warning: "):
            if text in self._warned:
                return
            self._warned.add(text)
        if not self.given.get("quiet"):
            print(text, file=sys.stderr)  # noqa: T201 - the rim

    def detail(self, text: str) -> None:
        """Print a line on standard error under ``--verbose`` only."""
        if self.given.get("verbose"):
            self.note(text)

    def progress(self, text: str) -> None:
        """Show how far a long command is: one line that rewrites itself, on a terminal only.

        The first second stays silent, so that quick work prints nothing.
        """
        if self.given.get("quiet") or not sys.stderr.isatty():
            return
        now = self.wiring.clock.monotonic()
        self._began = self._began if self._began is not None else now
        if now - self._began >= 1.0:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r{text[:width]:<{width}}", end="", file=sys.stderr, flush=True)  # noqa: T201 - the rim
            self._drawn = True

    def show(self, result: Result) -> None:
        """Hand a finished result to the views: format, file, colours and warnings as asked."""
        from alphastock_cli.views.emit import emit

        if self._drawn:
            print("\r\033[K", end="", file=sys.stderr, flush=True)  # noqa: T201 - the rim
        more = tuple(text for text in self.wiring.remarks() if text not in result.warnings)
        emit(replace(result, warnings=(*result.warnings, *more)) if more else result, self)
        spent = self.wiring.clock.monotonic() - self._created
        self.detail(f"{len(result)} rows of {result.source or result.kind} in {spent:.2f} s")

    # -- cron ---------------------------------------------------------------------------------

    def begin(self, command: str) -> bool:
        """Return whether there is anything to do; arm the deadline if there is one."""
        for name in ("where", "sort", "columns"):
            if name in self.given and not str(self.given[name]).strip():
                raise UsageError(f"--{name} is empty", hint="Leave it out, or give it a value.")
        if "if_open" in self.given and not self._is_open():
            return False
        if "deadline" in self.given and not self._arm(command):
            return False
        if "if_stale" in self.given and self.given.get("output"):
            return self.is_stale(self._modified(Path(self.given["output"])))
        return True

    def is_stale(self, last: datetime | None) -> bool:
        """Return False, and say so, when `last` is younger than ``--if-stale``; None is stale."""
        limit = self.seconds("if_stale")
        if limit is None or last is None:
            return True
        age = (self.wiring.clock.now() - last).total_seconds()
        if age >= limit:
            return True
        self.note(f"nothing to do: the last result is {age:.0f} s old (--if-stale)")
        return False

    def needs_product(self, command: str) -> None:
        """Refuse ``--if-stale`` on a command whose result rests nowhere, so has no age."""
        if "if_stale" in self.given and not self.given.get("output"):
            raise UsageError(
                f"--if-stale: the result of `{command}` rests nowhere, so it has no age",
                hint="Add --output FILE, or use --max-age for the age of stored data.",
            )

    def _modified(self, path: Path) -> datetime | None:
        try:
            stamp = path.stat().st_mtime
        except OSError:
            return None
        return datetime.fromtimestamp(stamp, tz=self.wiring.clock.now().tzinfo)

    def _is_open(self) -> bool:
        from alphastock_cli.domain.instrument import Exchange
        from alphastock_cli.errors import UnknownName
        from alphastock_cli.exchange import calendar

        name = str(self.given["if_open"])
        words = {item.value: item for item in calendar.Segment}
        words.update({item.value.lower(): calendar.segment_of(item) for item in Exchange})
        if name.lower() not in words:
            raise UnknownName.of("segment", name, words, hint=f"Known: {', '.join(words)}.")
        segment, now = words[name.lower()], self.wiring.clock.now()
        if calendar.is_open(segment, now):
            return True
        opens = calendar.next_open(segment, now)
        self.note(f"nothing to do: {name} is closed, opens {opens:%a %d %b %H:%M} (--if-open)")
        return False

    def _arm(self, command: str) -> bool:
        """Set an alarm for the deadline; False when it has passed already."""
        text = str(self.given["deadline"])
        now = self.wiring.clock.now()
        try:
            end = datetime.combine(now.date(), datetime.strptime(text, "%H:%M").time(), now.tzinfo)  # noqa: DTZ007 - a time of day
        except ValueError:
            raise UsageError(f"--deadline {text}: not a time of day", hint="e.g. 15:38") from None
        left = (end - now).total_seconds()
        if left <= 0:
            self.note(f"nothing to do: {text} has passed (--deadline)")
            return False
        if hasattr(signal, "setitimer"):

            def stop(*_: object) -> None:
                raise PartlyDone(
                    f"`{command}` reached its deadline {text}",
                    safe="What was stored before it is whole.",
                    hint="Run it again to go on.",
                )

            signal.signal(signal.SIGALRM, stop)
            signal.setitimer(signal.ITIMER_REAL, left)
        return True


def parse_duration(text: str, *, option: str) -> float:
    """Return seconds from ``30s``, ``5m``, ``1h30m``, ``1d``.

    >>> parse_duration("1h30m", option="--if-stale")
    5400.0
    """
    parts = _DURATION.findall(text.strip().lower())
    if not parts or "".join(a + b for a, b in parts) != re.sub(r"\s+", "", text.lower()):
        raise UsageError(f"{option} {text}: not a duration", hint="e.g. 30s, 5m, 1h30m, 1d")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def parse_day(text: str, *, option: str) -> date:
    """Return a date from ``YYYY-MM-DD``."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{option} {text}: not a date", hint="e.g. 2026-08-14") from None


def parse_moment(text: str, *, option: str) -> datetime:
    """Return an aware moment from an ISO timestamp; without an offset it is Indian time."""
    from zoneinfo import ZoneInfo

    india = ZoneInfo("Asia/Kolkata")
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{option} {text}: not a timestamp", hint="e.g. 2026-08-14T11:30"
        ) from None
    return moment.replace(tzinfo=india) if moment.tzinfo is None else moment.astimezone(india)
