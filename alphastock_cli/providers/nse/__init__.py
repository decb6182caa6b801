"""End-of-day files of NSE, BSE and MCX as the exchanges publish them; loaded by `fetch eod`."""

from alphastock_cli.providers.nse.source import NseFiles

__all__ = ["NseFiles"]
