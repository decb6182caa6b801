"""Which settings there are, and how each is read: the one table behind files and environment.

Who wins where several name one is the business of `load.py`, what a kind accepts of `reading.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from alphastock_cli.config import kite_addresses as kite
from alphastock_cli.config import reading
from alphastock_cli.config.addresses import ADDRESS
from alphastock_cli.config.reading import Kind

_MANY = 2**31 - 1

# every setting but the tables, and its kind; also settable as ALPHASTOCK_<SECTION>_<KEY>
TOP: Mapping[str, Kind] = {
    "data_dir": reading.PATH,
    "provider": reading.TEXT,
    "plugins": reading.PATHS,
    "lock_wait": reading.POSITIVE,
}
SECTIONS: Mapping[str, Mapping[str, Kind]] = {
    "sim": {"seed": reading.whole(0, _MANY), "universe": reading.whole(1, 5000)},
    "nse": {"archive_base": ADDRESS, "bse_base": ADDRESS, "seconds_between": reading.POSITIVE},
    "kite": {
        "root": kite.REST,
        "login_root": kite.LOGIN,
        "ws_root": kite.SOCKET,
        "redirect_url": kite.REDIRECT,
        "secrets": kite.SECRETS,
        "timeout": kite.SECONDS,
        "grace": reading.POSITIVE,
    },
    "scan": {
        "universe": reading.TEXT,
        "turnover_floor": reading.POSITIVE,
        "series": reading.SYMBOLS,
    },
    "options": {
        "rate": reading.RATE,
        "model": reading.word("black76", "bsm"),
        "daycount": reading.word("act365", "trading252"),
        "spread_pct": reading.POSITIVE,
        "spread_ticks": reading.POSITIVE,
        "trade_seconds": reading.POSITIVE,
        "roll_sessions": reading.whole(0, 60),
    },
    "trading": {
        "capital": reading.POSITIVE,
        "interval": reading.TEXT,
        "universe": reading.TEXT,
    },
    "risk": {
        **dict.fromkeys(
            (
                "risk_per_trade_pct",
                "atr_multiple",
                "open_risk_pct",
                "exposure_symbol_pct",
                "exposure_gross_pct",
                "max_order_value",
                "daily_loss_pct",
                "drawdown_pct",
                "price_band_pct",
            ),
            reading.POSITIVE,
        ),
        **dict.fromkeys(
            ("max_positions", "max_orders_per_day", "quote_age_seconds"), reading.whole(0, _MANY)
        ),
        "allow_short": reading.BOOLEAN,
    },
    "symbols": {
        "equities": reading.SYMBOLS,
        "options": reading.SYMBOLS,
        "indices": reading.SYMBOLS,
        "commodities": reading.SYMBOLS,
        "futures": reading.SYMBOLS,
        "currencies": reading.SYMBOLS,
    },
}
TABLES = ("strategies",)
PRESET: Mapping[str, Kind] = {
    "where": reading.TEXT,
    "sort": reading.TEXT,
    "top": reading.whole(1, _MANY),
}
STRATEGY: Mapping[str, Kind] = {
    "enabled": reading.BOOLEAN,
    "symbols": reading.SYMBOLS,
    "supported_asset_types": reading.ASSET_TYPES,
    "parameters": reading.MAPPING,
}
# read elsewhere, or by the tests
NOT_SETTINGS = frozenset(
    {"ALPHASTOCK_CONFIG", "ALPHASTOCK_TEST_DATA", "ALPHASTOCK_KITE_API_KEY",
     "ALPHASTOCK_KITE_API_SECRET", "ALPHASTOCK_STATE_DIR"}
)  # fmt: skip
