"""The one place where adapters are chosen and handed to the core.

A provider's constructor is given, by parameter name, what it asks for among the things listed in
`Wiring.offers`; a stranger's provider comes in by the same door as ours.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from alphastock_cli.config import Settings
from alphastock_cli.domain.ports import Clock, EodSource, MarketData
from alphastock_cli.errors import ConfigError
from alphastock_cli.registry import PROVIDERS

if TYPE_CHECKING:
    from alphastock_cli.providers.nse.reference import ReferenceFiles
    from alphastock_cli.store.lake import Lake

INDIA = ZoneInfo("Asia/Kolkata")


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
    notify : callable
        Receives lines for a person.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        as_of: datetime | None = None,
        lock_wait: float | None = None,
        notify: Callable[[str], None] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.asked = as_of
        self.lock_wait = settings.lock_wait if lock_wait is None else lock_wait
        self.notify = notify
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
        built: MarketData = self._build(PROVIDERS.get(chosen), chosen)
        for text in getattr(built, "warnings", ()):
            self.notify(f"warning: {text}")
        return built

    def eod_files(self) -> EodSource:
        """Return the reader of the exchanges' end-of-day files."""
        source: EodSource = self._build(PROVIDERS.get("nse"), "nse")
        return source

    def reference_files(self) -> ReferenceFiles:
        """Return the reader of constituent lists, symbol changes, lots and freeze quantities."""
        from alphastock_cli.providers.nse.reference import ReferenceFiles

        return ReferenceFiles()

    def offers(self) -> dict[str, Any]:
        """Return what a provider's constructor may ask for by name."""
        return {
            "clock": self.clock,
            "as_of": self.asked,
            "settings": self.settings,
            "seed": self.settings.sim.seed,
            "universe": self.settings.sim.universe,
        }

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
