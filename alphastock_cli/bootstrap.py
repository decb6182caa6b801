"""The one place where adapters are chosen and handed to the core.

A provider's constructor is given, by parameter name, what it asks for among the things listed in
`Wiring.offers`; a stranger's provider comes in by the same door as ours.
"""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from alphastock_cli.config import Settings
from alphastock_cli.domain.ports import Clock, EodSource, MarketData
from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import ConfigError, NotOffered, UsageError
from alphastock_cli.registry import PROVIDERS

if TYPE_CHECKING:
    from alphastock_cli.domain.eod_archive import EodArchive
    from alphastock_cli.providers.kite.connection import Connection
    from alphastock_cli.providers.nse.reference import ReferenceFiles
    from alphastock_cli.store.journal import Journal
    from alphastock_cli.store.lake import Lake

INDIA = ZoneInfo("Asia/Kolkata")
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class SystemClock:
    """The machine's clock, read in Indian time."""

    def now(self) -> datetime:
        """Return the present moment in Asia/Kolkata."""
        return datetime.now(tz=INDIA)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class SteppingClock:
    """The clock of a replayed day: it stands still but for those who wait.

    Whoever sleeps moves it on by as much, after a real wait of that over `speed`; with a speed of
    0 there is no wait. So a run is the same whatever the machine does.
    """

    def __init__(self, start: datetime, *, speed: float = 0.0, real: Clock | None = None) -> None:
        self._now = start
        self._passed = 0.0
        self.speed = speed
        self._real: Clock = SystemClock() if real is None else real

    def now(self) -> datetime:
        """Return the moment of the replay."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds of the replay that have passed."""
        return self._passed

    def sleep(self, seconds: float) -> None:
        """Wait in proportion, and move on."""
        if self.speed > 0:
            self._real.sleep(seconds / self.speed)
        self._passed += seconds
        self._now += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Begin elsewhere."""
        self._now = moment


class Wiring:
    """Clock, lake and providers of one run.

    Parameters
    ----------
    settings : Settings
        Where data lie, which provider, the simulator's seed.
    as_of : datetime, optional
        The moment asked for; None means now.
    lock_wait : float, optional
        Seconds to wait for another run's lock; None takes the setting.
    notify, progress : callable
        Receive lines for a person: one that stays, one that the next one rewrites.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        as_of: datetime | None = None,
        lock_wait: float | None = None,
        notify: Callable[[str], None] = lambda _: None,
        progress: Callable[[str], None] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.asked = as_of
        self.lock_wait = settings.lock_wait if lock_wait is None else lock_wait
        self.notify, self.progress = notify, progress
        self._built: list[MarketData] = []
        self.replayed = _replayed(settings.provider)
        if self.replayed is not None:
            self._refuse_other_moment()
            clock = SteppingClock(as_of or self.replayed.closes, real=clock)
        self.clock: Clock = SystemClock() if clock is None else clock

    @property
    def data_dir(self) -> Path:
        """The data directory; nothing is created by asking."""
        return self.settings.data_dir

    @cached_property
    def lake(self) -> Lake:
        """The store of real market data."""
        from alphastock_cli.store.lake import Lake

        return Lake(self.data_dir / "lake", lock_wait=self.lock_wait)

    def provider(self, name: str | None = None) -> MarketData:
        """Build the provider asked for; it never falls back to another one."""
        chosen = name or self.settings.provider
        if name is None and self.replayed is not None:
            chosen = self.replayed.provider
        built: MarketData = self._build(PROVIDERS.get(chosen), chosen)
        for text in getattr(built, "warnings", ()):
            self.notify(f"warning: {text}")
        self._built.append(built)
        return built

    def remarks(self) -> tuple[str, ...]:
        """Return what a person should know of the answers of this run's providers, each once.

        A provider tells it by its method `remarks`, where it has one.
        """
        told = [text for each in self._built for text in getattr(each, "remarks", list)()]
        return tuple(dict.fromkeys(told))

    @contextmanager
    def live(self) -> Iterator[MarketData]:
        """Lend the provider asked for to a view that looks again and again, and end it afterwards.

        Kite's quotes come from its ticker then.
        """
        if self.settings.provider != "kite" or self.replayed is not None or self.asked is not None:
            yield self.provider()
            return
        from alphastock_cli.providers.kite.stream.live import LiveKite

        built: LiveKite = self._build(LiveKite, "kite")
        try:
            yield built
        finally:
            built.close()

    def provider_at(self, moment: datetime) -> MarketData:
        """Build the provider asked for as it stood at another moment.

        Raises
        ------
        NotOffered
            It knows the present alone.
        UsageError
            It is the replay of another day.
        """
        chosen = self.settings.provider
        known = inspect.signature(PROVIDERS.get(chosen)).parameters if not self.replayed else {}
        if self.replayed is None and "as_of" not in known:
            raise NotOffered(
                f"`{chosen}` knows the present alone",
                hint="What is stored is asked with --provider lake.",
            )
        return Wiring(self.settings, as_of=moment, clock=self.clock).provider()

    def eod_files(self) -> EodSource:
        """Return the reader of the exchanges' end-of-day files."""
        source: EodSource = self._build(PROVIDERS.get("nse"), "nse")
        return source

    def eod_archive(self) -> EodArchive:
        """Return the archives of the exchanges, their files kept below the data directory.

        Raises
        ------
        ConfigError
            The exchanges' own hosts would be asked more than once a second.
        """
        from alphastock_cli.providers.nse.download import Downloader
        from alphastock_cli.providers.nse.transport import WebTransport

        asked = self.settings.nse
        bases = {"NSE": asked.archive_base, "BSE": asked.bse_base}
        if asked.seconds_between < 1 and not all(bases.values()):
            raise ConfigError(
                f"nse.seconds_between = {asked.seconds_between:g}: the exchanges' own hosts are"
                " asked at most once a second",
                hint="Set it to 1 or more, or name mirrors in nse.archive_base and nse.bse_base.",
            )
        return Downloader(
            self.data_dir / "cache" / "nse", self.clock, WebTransport(),
            bases=bases, seconds_between=asked.seconds_between,
        )  # fmt: skip

    def reference_files(self) -> ReferenceFiles:
        """Return the reader of constituent lists, symbol changes, lots and freeze quantities."""
        from alphastock_cli.providers.nse.reference import ReferenceFiles

        return ReferenceFiles()

    def kite(self) -> Connection:
        """Return Kite as this data directory knows it: login, budget, notes; nobody is asked."""
        from alphastock_cli.providers.kite.connection import Connection

        return Connection(self.data_dir, self.settings.kite, self.clock)

    def offers(self) -> dict[str, Any]:
        """Return what a provider's constructor may ask for by name."""
        return {
            "clock": self.clock,
            "as_of": None if self.replayed else self.asked,
            "day": self.replayed.day if self.replayed else None,
            "settings": self.settings,
            "seed": self.settings.sim.seed,
            "universe": self.settings.sim.universe,
            "notify": self.notify,
            "progress": self.progress,
        }

    # -- ledgers ------------------------------------------------------------------------------

    def account(self, name: str = "") -> str:
        """Return the ledger's name: the one given, else what the data are.

        Simulated and replayed fills never enter ``paper``.
        """
        if name:
            if not _ACCOUNT.fullmatch(name):
                raise ConfigError(
                    f"--account {name}: not a name",
                    hint="Use letters, digits, dots, dashes and underscores, at most 64.",
                )
            return name
        simulated = f"sim-{self.settings.sim.seed}"
        if self.replayed is not None:
            day = self.replayed.day.isoformat()
            return f"{simulated}-{day}" if self.replayed.provider == "sim" else f"replay-{day}"
        return simulated if self.settings.provider == "sim" else "paper"

    def ledger_path(self, account: str) -> Path:
        """Return the file of a ledger."""
        return self.data_dir / "ledgers" / f"{account}.ledger"

    def ledger(self, account: str) -> AbstractContextManager[Journal]:
        """Open a ledger as its one writer; it is made with the configured capital if it is new."""
        from decimal import Decimal

        from alphastock_cli.store.journal import Journal

        return Journal.write(
            self.ledger_path(account), account=account, at=self.clock.now(), wait=self.lock_wait,
            opening_cash=Decimal(repr(self.settings.trading.capital)),
        )  # fmt: skip

    def read_ledger(self, account: str) -> AbstractContextManager[Journal]:
        """Open a ledger for reading, also while another process writes to it."""
        from alphastock_cli.store.journal import Journal

        return Journal.read(self.ledger_path(account))

    def begin_replay(self, speed: float) -> None:
        """Set the clock of a replay to the opening of its day; 0 means as fast as it goes."""
        if self.replayed is not None and isinstance(self.clock, SteppingClock):
            self.clock.speed = speed
            if self.asked is None:
                self.clock.set(self.replayed.opens)

    def run_on(self, speed: float) -> None:
        """Let the clock run on from the moment asked for, else from the opening of a replayed day.

        Call it before the provider is built. Without either the clock is the machine's.
        """
        from alphastock_cli.sandbox.clocks import RunningClock

        start = self.asked or (self.replayed.opens if self.replayed else None)
        if start is not None:
            self.clock = RunningClock(start, SystemClock(), speed=speed)
            self.asked = None

    def stand_at_asked(self) -> None:
        """Let the clock stand at the moment asked for: what is written is dated then, not now.

        Call it before the provider is built: the market moves on with whoever waits.
        """
        if self.asked is not None and self.replayed is None:
            self.clock = SteppingClock(self.asked, real=self.clock)
            self.asked = None

    def _refuse_other_moment(self) -> None:
        assert self.replayed is not None
        if self.asked is not None and self.asked.date() != self.replayed.day:
            raise UsageError(
                f"the replay of {self.replayed.day} and {self.asked:%Y-%m-%d} are two days",
                hint="Give a moment of the replayed day, or none.",
            )

    def _build(self, cls: type, name: str) -> Any:  # noqa: ANN401 - any registered class
        offers = self.offers()
        wanted: dict[str, Any] = {}
        for param in inspect.signature(cls).parameters.values():
            if param.name == "lake":
                wanted["lake"] = self.lake
            elif param.name in offers:
                wanted[param.name] = offers[param.name]
            elif param.default is inspect.Parameter.empty and param.kind is not param.VAR_KEYWORD:
                known = ", ".join(["lake", *offers])
                raise ConfigError(
                    f"provider {name!r} asks for {param.name!r}, which nobody offers",
                    hint=f"A provider's constructor may ask for: {known}.",
                )
        return cls(**wanted)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A day to be lived again: of which provider, and from when to when."""

    provider: str
    day: date
    opens: datetime
    closes: datetime


def _replayed(words: str) -> Replayed | None:
    """Read ``replay:2025-04-16`` (the lake's day) or ``replay:sim:2026-08-14``; None for others.

    Raises
    ------
    UsageError
        No date, or no session on that day.
    """
    kind, _, rest = words.partition(":")
    if kind != "replay":
        return None
    from alphastock_cli.exchange import calendar

    source, _, text = rest.rpartition(":")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--provider {words}: which day?", hint="e.g. replay:2025-04-16, replay:sim:2026-08-14"
        ) from None
    if source not in {"", "lake", "sim"}:
        raise UsageError(f"--provider {words}: only the lake and sim can be replayed")
    held = calendar.session(calendar.Segment.EQUITY, day)
    if held is None or held.opens is None or held.final_at is None:
        raise UsageError(f"--provider {words}: there was no session on {day}")
    return Replayed("sim" if source == "sim" else "replay", day, held.opens, held.final_at)
