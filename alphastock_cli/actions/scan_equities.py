"""Scan equities: enrich a universe, summarise it, then filter, rank and cut its rows.

The summary always speaks of the whole universe; `--where`, `--sort` and `--top` choose rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType

import polars as pl

from alphastock_cli.actions import presets, universe
from alphastock_cli.actions.age import check_age
from alphastock_cli.actions.result import Result
from alphastock_cli.analytics import expression
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.errors import OutOfRange, ProviderError, UnknownName, UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.runners import _beside as beside
from alphastock_cli.runners._equity_columns import COLUMNS, EVERY_COLUMN, SESSION_ONLY, TIME, schema
from alphastock_cli.runners.base import RawData
from alphastock_cli.runners.equities import EquityOptions, EquityRunner

# what the summary needs of every symbol, whatever rows were asked for
_SUMMARY = ("symbol", "series", "sector", "close", "previous_close", "change", "change_pct",
            "volume", "volume_ratio", "turnover", "sma_50", "sma_200", "high_52w", "low_52w",
            "high", "low", "date", "exchange", "open", "delivery_pct", "gap_pct")  # fmt: skip
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """What a person asked of the scan; empty strings mean not asked."""

    universe: str = "all"
    symbols: str = ""
    preset: str = ""
    where: str = ""
    sort: str = ""
    top: int | None = None
    columns: str = ""
    explain: str = ""
    every_column: bool = True
    options: EquityOptions = field(default_factory=EquityOptions)
    own_presets: Mapping[str, presets.Preset] = field(default_factory=lambda: MappingProxyType({}))
    watchlist: Sequence[str] = ()
    max_age: float | None = None


@dataclass(frozen=True, slots=True)
class _Selection:
    """Condition, order and cut after preset and options are joined."""

    where: str
    sort: str
    top: int | None


def scan(provider: MarketData, clock: Clock, request: ScanRequest) -> Result:
    """Return the enriched rows of a universe that meet the condition, in order.

    Raises
    ------
    UnknownName, UsageError
        A column, preset, universe or condition that makes no sense.
    ProviderError
        The provider has no equities at its moment.
    DamagedData
        The data are older than `max_age`.
    """
    chosen = _selection(request)
    intraday = request.options.interval.is_intraday
    known = (*EVERY_COLUMN, TIME) if intraday else EVERY_COLUMN
    condition = expression.parse(chosen.where, schema()) if chosen.where else None
    order = expression.parse_sort(chosen.sort, known) if chosen.sort else []
    shown = expression.parse_columns(request.columns, known) if request.columns else None

    as_of = provider.as_of()
    symbols, sector = _symbols(request, provider, as_of.date())
    if intraday and not symbols:
        raise UsageError(
            f"--interval {request.options.interval}: candles are read share by share",
            hint="Name them: --symbols RELIANCE,INFY, or an index: --universe nifty50.",
        )
    asked = {*(condition.columns if condition else ()), *(name for name, _ in order)}
    used = {*_SUMMARY, *asked}
    every = (request.every_column or intraday) and shown is None
    columns = {*COLUMNS, *asked} if every else used | set(shown or ())
    runner = _runner(intraday=intraday)(
        provider, clock=clock, symbols=symbols, options=request.options, columns=columns
    )
    raw = runner.fetch(symbols)
    check_age(raw.as_of, clock, request.max_age)
    listed = raw.frames["listed"]["symbol"]
    if raw.frames["last"].is_empty() and intraday:
        raise ProviderError(
            "; ".join(list(raw.failures.values())[:5]) or f"no candles up to {as_of:%Y-%m-%d}",
            hint="Ask for a day that has some, --on DATE, or load newer ones:"
            " `alphastock fetch candles`.",
        )
    if raw.frames["last"].is_empty() and len(listed):
        raise UnknownName.of(
            "symbol", symbols[0], listed, hint=f"No row in the session of {raw.as_of:%Y-%m-%d}."
        )
    if raw.frames["last"].is_empty():
        raise ProviderError(
            f"`{provider.name}` has no {request.options.exchange} equities up to {as_of:%Y-%m-%d}",
            hint="Load files with `alphastock fetch eod --from-dir FOLDER`, or try --provider sim.",
        )
    frame = runner.enrich(raw)
    if sector:
        frame = _in_sector(frame, sector)
    if request.explain:
        return _explain(frame, condition, request.explain, raw.as_of, provider)
    rows = frame.filter(condition.expr) if condition else frame
    if order:
        rows = rows.sort(
            [name for name, _ in order],
            descending=[down for _, down in order],
            nulls_last=True,
            maintain_order=True,
        )
    rows = rows.head(chosen.top) if chosen.top else rows
    summary = runner.summarise(frame)
    summary |= {"universe": frame.height, "matched": rows.height}
    return Result(
        kind="scan_equities",
        rows=rows.select(shown) if shown else rows,
        summary=summary,
        as_of=raw.as_of,
        source=provider.name,
        simulated=provider.simulated,
        warnings=(
            *_warnings(raw, frame, symbols, request, asked | set(shown or ())),
            *getattr(provider, "remarks", list)(),  # what a broker's answers were worth
        ),
        selected=True,
        rows_follow=bool(condition or order or chosen.top or shown) or intraday,
        highlight=tuple(name for name in (TIME, *EVERY_COLUMN) if name in {*asked, TIME}),
    )


def _runner(*, intraday: bool) -> type[EquityRunner]:
    """Return what reads days, or candles."""
    if not intraday:
        return EquityRunner
    from alphastock_cli.runners._equity_candles import CandleRunner  # a scan of days can spare it

    return CandleRunner


def _selection(request: ScanRequest) -> _Selection:
    """Join a preset with the options given: conditions by `and`, order and cut by the option."""
    if not request.preset:
        return _Selection(request.where, request.sort, request.top)
    preset = presets.find(request.preset, request.own_presets)
    parts = [part for part in (preset.where, request.where) if part]
    where = " and ".join(f"({part})" for part in parts) if len(parts) > 1 else "".join(parts)
    return _Selection(where, request.sort or preset.sort, request.top or preset.top)


def _symbols(request: ScanRequest, provider: MarketData, on: date) -> tuple[tuple[str, ...], str]:
    """Return the symbols to read (none means all) and the sector to keep, if one was named."""
    if request.symbols:
        if request.universe != "all":
            raise UsageError("--symbols and --universe both choose the symbols; give one")
        return universe.parse_symbols(request.symbols), ""
    word = request.universe
    if word.lower().startswith("sector:"):
        return (), word[len("sector:") :]
    return universe.resolve(word, provider, on=on, watchlist=request.watchlist), ""


def _in_sector(frame: pl.DataFrame, word: str) -> pl.DataFrame:
    known = sorted(frame["sector"].drop_nulls().unique())
    return frame.filter(pl.col("sector") == universe.sector_of(word, known))


def _explain(
    frame: pl.DataFrame,
    condition: expression.Condition | None,
    symbol: str,
    as_of: datetime,
    provider: MarketData,
) -> Result:
    """Return one row a clause of the condition with the symbol's values."""
    if condition is None:
        raise UsageError("--explain needs a condition", hint="Add --where or --preset.")
    name = symbol.upper()
    row = frame.filter(pl.col("symbol") == name)
    if row.is_empty():
        raise UnknownName.of("symbol", name, frame["symbol"], hint="Not in this universe.")
    clauses = condition.explain(row.row(0, named=True))
    return Result(
        kind="scan_explain",
        rows=[
            {"symbol": name, "clause": c.text, "value": c.value, "holds": c.holds} for c in clauses
        ],
        summary={"symbol": name},
        as_of=as_of,
        source=provider.name,
        simulated=provider.simulated,
        selected=True,
    )


def _unknown(raw: RawData, frame: pl.DataFrame, asked: set[str]) -> list[str]:
    """Say of which columns of the condition most symbols know nothing: they cannot meet it."""
    beside_it, gap = set(beside.measured(sorted(asked - set(COLUMNS) - {TIME}))), ""
    if beside_it and "index" in raw.frames:
        gap = beside.gap(raw.frames["rows"], raw.frames["index"])
    texts = []
    for name in sorted(asked):
        missing = frame[name].null_count()
        if frame.height and missing > frame.height / 2:
            why = gap if gap and name in beside_it else "short history"
            texts.append(
                f"`{name}` is not known for {missing:,} of {frame.height:,} symbols "
                f"({why}): they do not meet a condition on it"
            )
    return texts


def _silent(raw: RawData, request: ScanRequest, named: set[str]) -> dict[str, str]:
    """Return the columns named that nobody can know here, and why."""
    found = {}
    if "index" in raw.frames and raw.frames["index"].is_empty():
        reason = f"there are no rows of {beside.INDEX} to measure against"
        found = dict.fromkeys(beside.measured(sorted(named - set(COLUMNS) - {TIME})), reason)
    if request.options.interval.is_intraday:
        from alphastock_cli.runners._equity_candles import DAY_ONLY

        found |= dict.fromkeys(named & DAY_ONLY, "only days have it: leave --interval out")
    elif SESSION_ONLY in named:
        found[SESSION_ONLY] = "it is made of a session's candles: add --interval, or use vwap_20"
    return found


def _warnings(
    raw: RawData,
    frame: pl.DataFrame,
    symbols: Sequence[str],
    request: ScanRequest,
    named: set[str],
) -> list[str]:
    """Say what a reader could otherwise take for granted: missing symbols and sessions."""
    texts = []
    silent = _silent(raw, request, named)
    texts += [f"`{name}` is not known: {reason}" for name, reason in sorted(silent.items())]
    texts += _unknown(raw, frame, {name for name in named if name not in silent})
    if request.options.interval.is_intraday:
        failed = list(raw.failures.values())
        rest = [f"{len(failed) - 5} more symbols have none either"] if len(failed) > 5 else []  # noqa: PLR2004
        return [*failed[:5], *rest, *texts]
    known = set(frame["symbol"])
    absent = sorted(set(symbols) - known)
    if absent:
        listed = raw.frames["listed"]["symbol"]
        texts.insert(0, universe.not_there("no row in the last session", absent, listed))
    return [*texts, *_unstored(raw.frames["rows"], request)]


def _unstored(rows: pl.DataFrame, request: ScanRequest) -> list[str]:
    """Say how many sessions of the look-back are not stored."""
    stored = rows["date"].unique().sort()
    try:
        expected = calendar.sessions(calendar.Segment.EQUITY, stored[0], stored[-1])
    except OutOfRange:  # nothing can be expected of days the tables do not reach
        return []
    held = set(stored)
    missing = [day for day in expected if day not in held]
    if not missing or request.options.exact:
        return []
    text = (
        f"{len(missing)} of {len(expected)} sessions of the look-back are not stored "
        f"({missing[0]} … {missing[-1]}): averages span the sessions that are"
    )
    return [text]
