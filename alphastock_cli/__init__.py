"""alphastock: a command-line toolkit for the Indian markets.

This is the public door: a version and a handful of names, resolved lazily (PEP 562) so that
`import alphastock_cli` costs nothing. Everything else is reached through its own module.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_DOOR = {
    "AlphaStockError": "alphastock_cli.errors",
    "Exchange": "alphastock_cli.domain.instrument",
    "AssetType": "alphastock_cli.domain.instrument",
    "Instrument": "alphastock_cli.domain.instrument",
    "Interval": "alphastock_cli.domain.instrument",
    "Quote": "alphastock_cli.domain.data",
    "Snapshot": "alphastock_cli.domain.data",
    "BaseRunner": "alphastock_cli.runners.base",
    "RUNNERS": "alphastock_cli.registry",
    "STRATEGIES": "alphastock_cli.registry",
    "PROVIDERS": "alphastock_cli.registry",
}

__all__ = ["__version__", *sorted(_DOOR)]  # noqa: PLE0604 - names come from the table above


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute can be anything
    """Import a public name on first use."""
    if name not in _DOOR:
        raise AttributeError(f"module 'alphastock_cli' has no attribute {name!r}")
    return getattr(import_module(_DOOR[name]), name)


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
