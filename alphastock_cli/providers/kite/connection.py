"""What every use of Kite stands on: folders, credentials, login and budget of one data directory.

Opened without asking anybody; the SDK and the network come with the first call.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from alphastock_cli.domain.ports import Clock
from alphastock_cli.providers.kite import credentials
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
        Secrets, counts and notes lie in its folder ``kite``, lists of instruments in its cache.
    env : mapping, optional
        Where api key and secret may stand; the process's own where none is given.
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
    def budget(self) -> Budget:
        """The shared count of calls of this api key."""
        return Budget(self.folder, self.credentials.api_key, self.clock)

    @cached_property
    def rest(self) -> KiteRest:
        """The reads."""
        return KiteRest(
            self.credentials, self.sessions, self.budget, self.notes, self.clock,
            root=self.settings.root, seconds=self.settings.timeout,
        )  # fmt: skip

    def close(self) -> None:
        """Close what was opened."""
        if "rest" in self.__dict__:
            self.rest.close()
