"""What a person looks at without having said so: default symbols, and the breadth of the market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import collect
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.ports import Capability, MarketData
from alphastock_cli.errors import UnknownName, UsageError

BROAD = "NIFTY 50"
_COUNT = 10
_FORTNIGHT = timedelta(days=14)
_SERIES = ("EQ", "BE")
_NOT_KEPT = f"the members of {BROAD} are not known (`alphastock fetch reference`)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breadth:
    """How many rose and fell: of what, and how many of it are not known."""

    of: str
    advances: int
    declines: int
    unchanged: int
    unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """What is asked for rarely: whose quotes make the breadth, or a whole session's breadth.

    `why_not` says why it is neither, "" where that may still change.
    """

    keys: tuple[str, ...] = ()
    whole: Breadth | None = None
    why_not: str = ""


def parse_keys(text: str) -> tuple[str, ...]:
    """Return the keys of ``SBIN, BSE:INFY`` in the order given, each once; NSE where none is named.

    Raises
    ------
    UsageError
        Nothing is named, or an exchange that there is not.

    >>> parse_keys("sbin, BSE:INFY")
    ('NSE:SBIN', 'BSE:INFY')
    """
    words = [word.strip().upper() for word in text.split(",") if word.strip()]
    found = dict.fromkeys(word if ":" in word else f"NSE:{word}" for word in words)
    for key in found:
        code, _, symbol = key.partition(":")
        if code not in list(Exchange) or not symbol:
            known = ", ".join(Exchange)
            raise UsageError(f"--symbols {key}: not EXCHANGE:SYMBOL", hint=f"Exchanges: {known}.")
    if not found:
        raise UsageError("--symbols names none", hint="e.g. --symbols SBIN,INFY")
    return tuple(found)


def default_keys(provider: MarketData, configured: Sequence[str]) -> tuple[str, ...]:
    """Return the configured symbols, else the ten most traded members of the NIFTY 50.

    Where the provider has no daily rows the first ten members count, where it does not know the
    members the ten most traded shares. Of one that asks for the days of each share by a call the
    quotes tell what was traded today.

    Raises
    ------
    UsageError
        It knows neither.
    """
    if configured:
        return parse_keys(",".join(configured))
    as_of = provider.as_of()
    members = provider.members(BROAD, as_of.date())
    names: list[str] = list(members or ())[:_COUNT]
    if _asks_by_call(provider):
        names = _most_traded(provider, members or ())
    elif Capability.EQUITIES_DAY in provider.capabilities:
        rows = _last_session(provider, as_of, members)
        ranked = rows.filter(pl.col("turnover").is_not_null()).sort(
            ["turnover", "symbol"], descending=[True, False]
        )
        names = ranked["symbol"].head(_COUNT).to_list() or names
    if not names:
        raise UsageError(
            f"`{provider.name}` does not say which shares there are: name some",
            hint="Add --symbols SBIN,INFY, or `equities` under [symbols] in alphastock.toml.",
        )
    return tuple(f"NSE:{name}" for name in names)


def daily(provider: MarketData, as_of: datetime) -> Daily:
    """Return whose quotes make the breadth: the members of the NIFTY 50 where they are known.

    Else the breadth of all shares of the last session, where the provider has daily rows. Of one
    that asks for the days of each share by a call, those that it keeps: a view does not wait for
    some thousand calls, nor use them up.
    """
    members = provider.members(BROAD, as_of.date())
    if members:
        return Daily(keys=tuple(f"NSE:{name}" for name in members))
    if Capability.EQUITIES_DAY not in provider.capabilities:
        return Daily()
    if _asks_by_call(provider):
        found = getattr(provider, "session_kept", lambda: None)()
        if found is None:
            return Daily(why_not=_NOT_KEPT)
        rows = found
    else:
        rows = _last_session(provider, as_of, None)
    if rows.is_empty():
        return Daily()
    change = pl.col("close") - pl.col("previous_close")
    up, down, flat, none = rows.select(
        up=(change > 0).sum(), down=(change < 0).sum(), flat=(change == 0).sum(),
        none=change.is_null().sum(),
    ).row(0)  # fmt: skip
    kept = "NSE shares kept" if _asks_by_call(provider) else "NSE shares"
    of = f"{kept}, session of {rows['date'][0]:%Y-%m-%d}"
    return Daily(whole=Breadth(of=of, advances=up, declines=down, unchanged=flat, unknown=none))


def breadth(of: Daily, quotes: Mapping[str, Quote]) -> Breadth | None:
    """Return how many of `of` rose and fell against their previous close; None where none is known.

    A share without a last price or a previous close counts as unknown.
    """
    if not of.keys:
        return of.whole
    known = [quotes[key] for key in of.keys if key in quotes]
    moves = [
        quote.last_price - quote.previous_close
        for quote in known
        if quote.last_price is not None and quote.previous_close is not None
    ]
    if not moves:
        return None
    return Breadth(
        of=BROAD,
        advances=sum(move > 0 for move in moves),
        declines=sum(move < 0 for move in moves),
        unchanged=sum(move == 0 for move in moves),
        unknown=len(of.keys) - len(moves),
    )


def check_known(provider: MarketData, keys: Sequence[str], quotes: Mapping[str, Quote]) -> None:
    """Refuse a list of which the provider quotes nothing; one unknown name among others is told.

    Raises
    ------
    UnknownName
        With the nearest symbols the provider lists.
    """
    if not keys or any(key in quotes for key in keys):
        return
    code, _, symbol = keys[0].partition(":")
    known: list[str] = []
    if Capability.INSTRUMENTS in provider.capabilities:
        known = provider.instruments(Exchange(code))["tradingsymbol"].to_list()
    hint = f"`{provider.name}` quotes none of the {len(keys)} symbols asked for."
    raise UnknownName.of("symbol", symbol, known, hint=hint)


def _asks_by_call(provider: MarketData) -> bool:
    return getattr(provider, "asks_by_name", False)


def _most_traded(provider: MarketData, members: Sequence[str]) -> list[str]:
    """Return the ten members with the largest value of what was traded today, by their quotes."""
    if not members:
        return []
    found = provider.quotes([f"NSE:{name}" for name in members])

    def value(name: str) -> float:
        quote = found.get(f"NSE:{name}")
        return 0.0 if quote is None else (quote.last_price or 0.0) * (quote.volume or 0)

    return sorted(members, key=lambda name: (-value(name), name))[:_COUNT]


def _last_session(
    provider: MarketData, as_of: datetime, symbols: Sequence[str] | None
) -> pl.DataFrame:
    """Return the rows of the last session of the fortnight before `as_of`, one a symbol."""
    day = as_of.date()
    lazy = provider.equities_day(
        symbols=symbols, series=_SERIES, start=day - _FORTNIGHT, end=day,
        columns=["symbol", "date", "close", "previous_close", "turnover"],
    )  # fmt: skip
    rows = collect(lazy.filter(pl.col("close").is_not_null()), what=provider.name)
    newest = rows.filter(pl.col("date") == pl.col("date").max())
    return newest.unique("symbol", keep="first", maintain_order=True)
