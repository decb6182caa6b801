"""What the rows of each kind of reference list mean, and which of them are refused.

A reader gets numbered records by lower-case column and returns rows of one dataset. Which file is
which list, and of which day, is the business of `reference.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePosixPath

import polars as pl

from alphastock_cli.analytics.breaks import imported
from alphastock_cli.exchange import indices

_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9&_-]{0,29}")
_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")
_MONTH = re.compile(r"([A-Z]{3})-(\d\d)")
_NAME_ENDS = re.compile(r"[ _-]?(?:20\d\d[-_]?\d*[-_]?\d*|\d{2}[-_]?\d{2}[-_]?20\d\d|\(\d+\))$")
_TOO_MANY = 1e12  # no list holds more of anything

Records = Sequence[tuple[int, Mapping[str, str]]]
Rows = list[dict[str, object]]
Bad = list[tuple[int, str, str]]  # row number, symbol, reason


class UnusableError(Exception):
    """Why a whole list cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a reader may ask about the list: its name, its day, whether that is exact, its header.

    `exact` is False where the name carries a year only.
    """

    name: str
    since: date | None
    exact: bool
    header: Sequence[str]

    @property
    def day(self) -> date:
        """The day from which the list is valid."""
        if self.since is None:
            raise UnusableError("no date in the name: give --on DATE")
        return self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One kind of list: its columns, the dataset it feeds, its reader.

    `bare` names the columns of a list that is also published without a header; `dated` tells
    whether the day of the list counts.
    """

    name: str
    title: str
    header: frozenset[str]
    dataset: str
    read: Callable[[Records, Context], tuple[Rows, Bad]]
    bare: tuple[str, ...] = ()
    dated: bool = False


def _constituents(records: Records, context: Context) -> tuple[Rows, Bad]:
    index, day = _index_of(context.name), context.day
    words = {sector.casefold(): sector for sector in indices.sectors().values()}
    rows: Rows = []
    bad: Bad = []
    seen: set[str] = set()
    for number, record in records:
        symbol, isin = record["symbol"], record.get("isin code", "")
        industry = record["industry"]
        if symbol.startswith("DUMMY"):
            bad.append((number, symbol, "a place-holder of a demerger, not a share"))
        elif not _SYMBOL.fullmatch(symbol):
            bad.append((number, symbol, "no symbol of the exchange"))
        elif symbol in seen:
            bad.append((number, symbol, "listed twice"))
        elif isin and not _ISIN.fullmatch(isin):
            bad.append((number, symbol, f"no ISIN: {isin[:20]}"))
        else:
            seen.add(symbol)
            rows.append(
                {"index": index, "symbol": symbol, "name": record["company name"] or None,
                 "sector": words.get(industry.casefold(), industry) or None, "isin": isin or None,
                 "valid_from": day, "valid_to": None, "source": context.name}
            )  # fmt: skip
    return rows, bad


def _changes(records: Records, context: Context) -> tuple[Rows, Bad]:
    rows: Rows = []
    bad: Bad = []
    for number, record in records:
        old = record.get("old", record.get("sm_key_symbol", ""))
        new = record.get("new", record.get("sm_new_symbol", ""))
        when = record.get("sm_applicable_from", "")
        if not _SYMBOL.fullmatch(old) or not _SYMBOL.fullmatch(new):
            bad.append((number, old, "no symbol of the exchange, old or new"))
        elif old == new:
            bad.append((number, old, "old and new symbol are the same"))
        elif when and _day(when) is None:
            bad.append((number, old, f"no date: {when[:20]}"))
        else:
            rows.append({"old": old, "new": new, "effective_date": _day(when),
                         "source": context.name})  # fmt: skip
    return rows, bad


def _multipliers(records: Records, context: Context) -> tuple[Rows, Bad]:
    rows: Rows = []
    bad: Bad = []
    seen: dict[tuple[str, date], float] = {}
    for number, record in records:
        symbol, day = record["symbol"], _day(record["date"])
        value = _number(record["multiplier"])
        if not _SYMBOL.fullmatch(symbol):
            bad.append((number, symbol, "no symbol of the exchange"))
        elif day is None:
            bad.append((number, symbol, f"no date: {record['date'][:20]}"))
        elif value is None or value <= 0:
            bad.append((number, symbol, f"no positive multiplier: {record['multiplier'][:20]}"))
        elif (symbol, day) in seen:
            same = seen[symbol, day] == value
            bad.append((number, symbol, "listed twice" if same else "a second one of that day"))
        else:
            seen[symbol, day] = value
            rows.append({"symbol": symbol, "ex_date": day, "multiplier": value})
    schema = {"symbol": pl.String, "ex_date": pl.Date, "multiplier": pl.Float64}
    return imported(pl.DataFrame(rows, schema=schema), source=context.name).to_dicts(), bad


def _lots(records: Records, context: Context) -> tuple[Rows, Bad]:
    months = {m: first for m in context.header if (first := _month(m)) is not None}
    if not months:
        raise UnusableError("no column is a contract month such as OCT-21")
    # the list begins with the nearest contract month, so it holds from then on at the latest
    since = context.since if context.exact and context.since else min(months.values())
    rows: Rows = []
    bad: Bad = []
    for number, record in records:
        symbol = record["symbol"]
        if symbol.casefold() == "symbol":
            continue  # the second heading, above the shares
        if not _SYMBOL.fullmatch(symbol):
            bad.append((number, symbol, "no symbol of the exchange"))
            continue
        for column, month in months.items():
            text = record[column.casefold()]
            lot = _units(text)
            if lot is not None:
                rows.append({"symbol": symbol, "contract_month": month, "lot_size": lot,
                             "valid_from": since, "source": context.name})  # fmt: skip
            elif text:
                bad.append((number, symbol, f"{column}: no lot: {text[:20]}"))
    return rows, bad


def _freezes(records: Records, context: Context) -> tuple[Rows, Bad]:
    rows: Rows = []
    bad: Bad = []
    seen: set[str] = set()
    for number, record in records:
        symbol, quantity = record["symbol"], _units(record["vol_frz_qty"])
        if not _SYMBOL.fullmatch(symbol):
            bad.append((number, symbol, "no symbol of the exchange"))
        elif quantity is None:
            bad.append((number, symbol, f"no whole quantity: {record['vol_frz_qty'][:20]}"))
        elif symbol in seen:
            bad.append((number, symbol, "listed twice"))
        else:
            seen.add(symbol)
            rows.append({"symbol": symbol, "freeze_quantity": quantity,
                         "valid_from": context.day, "source": context.name})  # fmt: skip
    return rows, bad


FORMS = (
    Form(name="nse_constituents", title="constituents of an index", dataset="membership",
         header=frozenset({"company name", "industry", "symbol"}), read=_constituents, dated=True),
    Form(name="symbol_changes", title="symbol changes", dataset="symbol_changes",
         header=frozenset({"old", "new"}), read=_changes),
    Form(name="nse_symbolchange", title="NSE symbolchange", dataset="symbol_changes",
         header=frozenset({"sm_key_symbol", "sm_new_symbol", "sm_applicable_from"}), read=_changes,
         bare=("symb_company_name", "sm_key_symbol", "sm_new_symbol", "sm_applicable_from")),
    Form(name="multipliers", title="price multipliers", dataset="adjustments",
         header=frozenset({"symbol", "date", "multiplier"}), read=_multipliers),
    Form(name="nse_mktlots", title="F&O lots", dataset="lots",
         header=frozenset({"underlying", "symbol"}), read=_lots),
    Form(name="nse_qtyfreeze", title="quantity freeze", dataset="freeze_quantities",
         header=frozenset({"symbol", "vol_frz_qty"}), read=_freezes, dated=True),
)  # fmt: skip


# -- small readers --------------------------------------------------------------------------------


def _index_of(name: str) -> str:
    """Return the index a file such as ``ind_nifty50list_2025-02.csv`` lists."""
    stem = PurePosixPath(name).stem.lower()
    while (shorter := _NAME_ENDS.sub("", stem)) != stem:
        stem = shorter
    word = re.sub(r"^ind_|_?list$", "", stem).replace("_", " ").strip()
    index = indices.canonical_index(word)
    if index not in indices.index_names():
        raise UnusableError(f"the name `{name[:80]}` does not say which index it lists")
    return index


def _day(text: str) -> date | None:
    for style in ("%Y%m%d", "%d-%b-%Y", "%Y-%m-%d", "%d-%m-%Y"):
        try:
            return datetime.strptime(text.strip().title(), style).date()  # noqa: DTZ007 - a date
        except ValueError:
            continue
    return None


def _month(text: str) -> date | None:
    found = _MONTH.fullmatch(text.strip().upper())
    return None if found is None else _day(f"01-{found.group(1)}-20{found.group(2)}")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < _TOO_MANY else None


def _units(text: str) -> int | None:
    """Return a whole number from 1 up, else None."""
    value = _number(text)
    return int(value) if value is not None and value >= 1 and value == int(value) else None
