"""What every use of Kite stands on: folders, credentials and login of one data directory, budget.

Opened without asking anybody; the SDK and the network come with the first call.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from alphastock_cli.domain.ports import Clock
from alphastock_cli.providers.kite import budget_place, credentials
from alphastock_cli.providers.kite.budget import Budget
from alphastock_cli.providers.kite.credentials import Credentials
from alphastock_cli.providers.kite.notes import Notes
from alphastock_cli.providers.kite.rest import KiteRest
from alphastock_cli.providers.kite.session import SessionStore

if TYPE_CHECKING:
    from alphastock_cli.config.settings import KiteSettings


class Connection:
    """Kite as this data directory knows it.

    Parameters
    ----------
    data_dir : Path
        Secrets and notes lie in its folder ``kite``, lists of instruments in its cache.
    env : mapping, optional
        Where api key and secret may stand, and where the counts of calls lie; the process's own
        where none is given.
    """

    def __init__(
        self,
        data_dir: Path,
        asked: KiteSettings,
        clock: Clock,
        *,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.cache = data_dir / "kite", data_dir / "cache" / "kite"
        self.settings, self.clock = asked, clock
        self._env = os.environ if env is None else env
        self.sessions = SessionStore(self.folder, clock)
        self.notes = Notes(self.folder, clock)

    @cached_property
    def credentials(self) -> Credentials:
        """The api key and secret.

        Raises
        ------
        AuthError, ConfigError
            There are none, or they may not be used.
        """
        return credentials.find(self.folder, env=self._env, store=self.settings.secrets)

    @cached_property
    def counts(self) -> budget_place.Place:
        """Where the calls are counted, together with whoever else uses the api key."""
        return budget_place.find(self._env, self.folder)

    @cached_property
    def budget(self) -> Budget:
        """The shared count of calls of this api key."""
        host = budget_place.host_of(self.settings.root)
        return Budget(self.counts.folder, self.credentials.api_key, self.clock, host=host)

    @cached_property
    def rest(self) -> KiteRest:
        """The reads."""
        return KiteRest(
            self.credentials, self.sessions, self.budget, self.notes, self.clock,
            root=self.settings.root, seconds=self.settings.timeout,
        )  # fmt: skip

    @property
    def skew(self) -> float | None:
        """Seconds by which Kite's clock is ahead of ours; None where nobody was asked."""
        return self.rest.skew if "rest" in self.__dict__ else None

    def remarks(self) -> list[str]:
        """Return what a person should know of how Kite was asked."""
        counted = "budget" in self.__dict__ and "counts" in self.__dict__
        return [self.counts.remark] if counted and self.counts.remark else []

    def close(self) -> None:
        """Close what was opened."""
        if "rest" in self.__dict__:
            self.rest.close()
