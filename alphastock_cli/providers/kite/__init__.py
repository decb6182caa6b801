"""Kite Connect as a source of market data: login, reads, the shared budget of calls."""

from alphastock_cli.providers.kite.provider import Kite

__all__ = ["Kite"]
