"""Settings from defaults, TOML files, environment and flags; where files lie; the old JSON.

This package is one module that outgrew its file; the names below are its door.
"""

from alphastock_cli.config.imported import ImportReport, config_import
from alphastock_cli.config.load import load, paths
from alphastock_cli.config.settings import (
    SavedScan,
    ScanSettings,
    Settings,
    SimSettings,
    StrategySettings,
    SymbolSettings,
)

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
