"""Settings from defaults, TOML files, environment and flags; where files lie; the old JSON.

This package is one module that outgrew its file; the names below are its door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphastock_cli.config.load import load, paths
from alphastock_cli.config.settings import (
    SavedScan,
    ScanSettings,
    Settings,
    SimSettings,
    StrategySettings,
    SymbolSettings,
)

if TYPE_CHECKING:
    from alphastock_cli.config.imported import ImportReport, config_import

__all__ = [
    "ImportReport",
    "SavedScan",
    "ScanSettings",
    "Settings",
    "SimSettings",
    "StrategySettings",
    "SymbolSettings",
    "config_import",
    "load",
    "paths",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute can be anything
    """Import what turns the old JSON into TOML on first use: one command needs it."""
    if name not in {"ImportReport", "config_import"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from alphastock_cli.config import imported

    return getattr(imported, name)
