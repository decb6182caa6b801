"""What can be set, its type and its default. No reading of files here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from alphastock_cli.domain.records import dataclass

DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimSettings:
    """The simulated exchange: `seed` chooses the market, `universe` the number of shares."""

    seed: int = 42
    universe: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedScan:
    """A preset of the person's own."""

    where: str
    sort: str = ""
    top: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """Defaults of `scan equities`; `turnover_floor` is in rupees."""

    universe: str = "all"
    turnover_floor: float = 10_000_000.0
    series: tuple[str, ...] = ("EQ", "BE")
    presets: Mapping[str, SavedScan] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingSettings:
    """The paper account and the trade loop: `capital` in rupees, `interval` of the candles."""

    capital: float = 1_000_000.0
    interval: str = "5minute"
    universe: str = "nifty50"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSettings:
    """The limits of the risk engine; percentages of equity unless a name says otherwise."""

    risk_per_trade_pct: float = 0.5
    atr_multiple: float = 2.0
    open_risk_pct: float = 5.0
    exposure_symbol_pct: float = 10.0
    exposure_gross_pct: float = 150.0
    max_positions: int = 10
    max_orders_per_day: int = 100
    max_order_value: float = 1_000_000.0
    daily_loss_pct: float = 2.0
    drawdown_pct: float = 10.0
    price_band_pct: float = 3.0
    quote_age_seconds: int = 5
    allow_short: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolSettings:
    """Symbols to follow, by class."""

    equities: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    indices: tuple[str, ...] = ()
    commodities: tuple[str, ...] = ()
    futures: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NseSettings:
    """Where end-of-day files are asked for; an empty base is the exchange's own host.

    `archive_base` stands for NSE's archive, `bse_base` for BSE's; `seconds_between` two requests
    to one host.
    """

    archive_base: str = ""
    bse_base: str = ""
    seconds_between: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionSettings:
    """How options are measured where no flag says otherwise.

    `rate` discounts, per year, continuous (0.065 is 6.5 %); `model` is ``black76`` or ``bsm``;
    `daycount` is ``act365`` or ``trading252``. A mid price counts up to a spread of `spread_pct`
    percent of it or `spread_ticks` price steps, a last trade for `trade_seconds`. `roll_sessions`
    is how many sessions before its last one an expiry is to be rolled.
    """

    rate: float = 0.065
    model: str = "black76"
    daycount: str = "act365"
    spread_pct: float = 20.0
    spread_ticks: float = 5.0
    trade_seconds: float = 300.0
    roll_sessions: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KiteSettings:
    """Kite Connect: which addresses are asked, and where its secrets rest (they are no settings).

    An empty root is Kite's own host. `redirect_url` is the one registered with the app: the login
    comes back there, on this machine. `secrets` is ``file`` or ``keyring``. `timeout` is the
    seconds a whole call may take, `grace` those after which a candle that is over is final.
    """

    root: str = ""
    login_root: str = ""
    ws_root: str = ""
    redirect_url: str = "http://127.0.0.1:5000/"
    secrets: str = "file"
    timeout: float = 10.0
    grace: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySettings:
    """One strategy: whether it runs, on what, and with which parameters."""

    enabled: bool = True
    symbols: tuple[str, ...] = ()
    supported_asset_types: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything in force for one run, and who said so.

    Attributes
    ----------
    data_dir : Path
        Folder of the lake and of simulated data.
    provider : str
        Source of market data where none is asked for.
    plugins : tuple of str
        Python files that register runners, strategies or providers.
    lock_wait : float
        Seconds to wait for another run that writes.
    """

    data_dir: Path
    provider: str = "sim"
    plugins: tuple[str, ...] = ()
    lock_wait: float = 0.0
    sim: SimSettings = field(default_factory=SimSettings)
    nse: NseSettings = field(default_factory=NseSettings)
    kite: KiteSettings = field(default_factory=KiteSettings)
    scan: ScanSettings = field(default_factory=ScanSettings)
    options: OptionSettings = field(default_factory=OptionSettings)
    trading: TradingSettings = field(default_factory=TradingSettings)
    risk: RiskSettings = field(default_factory=RiskSettings)
    symbols: SymbolSettings = field(default_factory=SymbolSettings)
    strategies: Mapping[str, StrategySettings] = field(default_factory=lambda: MappingProxyType({}))
    origins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()

    def flat(self) -> dict[str, Any]:
        """Return every setting by its dotted key, e.g. ``sim.seed``."""
        shown = ("data_dir", "provider", "plugins", "lock_wait", "sim", "nse", "kite", "scan",
                 "options", "trading", "risk", "symbols", "strategies")  # fmt: skip
        found: dict[str, Any] = {}
        for name in shown:
            _flatten(name, getattr(self, name), found)
        return found

    def origin(self, key: str) -> str:
        """Return who set `key`: a file, a variable, a flag, or ``default``."""
        while key:
            if key in self.origins:
                return self.origins[key]
            key = key.rpartition(".")[0]
        return DEFAULT


def _flatten(key: str, value: Any, found: dict[str, Any]) -> None:  # noqa: ANN401 - any setting
    if is_dataclass(value):
        for item in fields(value):
            _flatten(f"{key}.{item.name}", getattr(value, item.name), found)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            _flatten(f"{key}.{name}", item, found)
    elif isinstance(value, tuple):
        found[key] = list(value)
    elif value is not None:
        found[key] = str(value) if isinstance(value, Path) else value
