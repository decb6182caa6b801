"""Reference lists as NSE publishes them: constituents, symbol changes, lots, freezes, multipliers.

Each list is recognised by its header. A list holds from the day in its name (or its folder's), else
from ``--on``; one without a day is refused, since a fact without a date is of no use.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import polars as pl

from alphastock_cli.analytics.breaks import imported
from alphastock_cli.domain.frames import DATASETS, REJECTS, conform
from alphastock_cli.errors import UsageError
from alphastock_cli.exchange import indices

_MAX_BYTES = 32 << 20
_SUFFIXES = frozenset({".csv", ".xls"})
_XLS = b"\xd0\xcf\x11\xe0"
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9&_-]{0,29}")
_MONTH = re.compile(r"([A-Z]{3})-(\d\d)")
_DAYS = (
    (re.compile(r"(?<!\d)(20\d\d)-(\d\d)-(\d\d)(?!\d)"), "%Y%m%d"),
    (re.compile(r"(?<!\d)(\d\d)(\d\d)(20\d\d)(?!\d)"), "%d%m%Y"),
    (re.compile(r"(?<!\d)(20\d\d)-(\d\d)(?![\d-])"), "%Y%m"),
    (re.compile(r"(?<!\d)(20\d\d)(?![\d-])"), "%Y"),
)
Rows = list[dict[str, object]]
Bad = list[tuple[int, str, str]]  # row number, symbol, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceBatch:
    """What one list held: rows by dataset, refused rows, and from when it is valid."""

    file: str
    form: str
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    rejects: pl.DataFrame
    valid_from: date | None = None


class ReferenceFiles:
    """Reads a folder of reference lists."""

    def read_folder(self, folder: Path, *, on: date | None = None) -> Iterator[ReferenceBatch]:
        """Yield a batch for each ``.csv`` and ``.xls`` below `folder`, in order of names.

        Raises
        ------
        UsageError
            There is no such folder.
        """
        if not folder.is_dir():
            raise UsageError(f"--from-dir {folder}: no such folder", hint="Name a folder of lists.")
        root = folder.resolve()
        for path in sorted(folder.rglob("*")):
            inside = path.is_file() and path.resolve().is_relative_to(root)
            if inside and path.suffix.lower() in _SUFFIXES:
                name = str(path.relative_to(folder))
                if path.stat().st_size > _MAX_BYTES:
                    yield _refused(name, f"larger than {_MAX_BYTES >> 20} MiB")
                else:
                    yield read_list(name, path.read_bytes(), on=on)


def read_list(name: str, data: bytes, *, on: date | None = None) -> ReferenceBatch:
    """Return what one list holds."""
    try:
        table = _cells(data)
    except (csv.Error, ValueError, UnicodeDecodeError) as error:
        return _refused(name, f"not a list: {error}")
    header = [cell.strip() for cell in table[0]] if table else []
    words = {cell.casefold() for cell in header}
    form = next((form for form in _FORMS if form.header <= words), None)
    if form is None:
        known = "; ".join(form.title for form in _FORMS)
        return _refused(name, f"unknown header: {', '.join(header)[:120]}. Known lists: {known}")
    since = day_in_name(name) or on
    records = [
        {key.casefold(): cell.strip() for key, cell in zip(header, row, strict=False)}
        for row in table[1:]
    ]
    try:
        rows, bad = form.read(records, _Context(name=name, since=since, header=header))
    except _UndatedError:
        return _refused(name, "no date in the name: give --on DATE", form=form.name)
    except _UnnamedError as error:
        return _refused(name, str(error), form=form.name)
    frame = conform(
        pl.DataFrame(rows, schema=DATASETS[form.dataset]), DATASETS[form.dataset], what=name
    )
    return ReferenceBatch(
        file=name, form=form.name, frames={form.dataset: frame} if rows else {},
        rejects=_rejects(name, form.name, form.dataset, bad), valid_from=since,
    )  # fmt: skip


def day_in_name(name: str) -> date | None:
    """Return the day a file's name, else its folders' names carry; a month or year is its first.

    >>> day_in_name("sector_lists_2021-10/ind_niftyitlist.csv")
    datetime.date(2021, 10, 1)
    """
    for part in reversed(Path(name).parts):
        for pattern, style in _DAYS:
            for found in pattern.finditer(part):
                try:
                    return datetime.strptime("".join(found.groups()), style).date()  # noqa: DTZ007 - a date
                except ValueError:
                    continue
    return None


# -- the lists ------------------------------------------------------------------------------------


class _UndatedError(Exception):
    """The list needs a day and has none."""


class _UnnamedError(Exception):
    """The file's name does not say which index it lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    name: str
    since: date | None
    header: Sequence[str]

    @property
    def day(self) -> date:
        if self.since is None:
            raise _UndatedError
        return self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    name: str
    title: str
    header: frozenset[str]
    dataset: str
    read: Callable[[list[dict[str, str]], _Context], tuple[Rows, Bad]]


def _constituents(records: list[dict[str, str]], context: _Context) -> tuple[Rows, Bad]:
    index = _index_of(context.name)
    words = {sector.casefold(): sector for sector in indices.sectors().values()}
    rows: Rows = []
    bad: Bad = []
    seen: set[str] = set()
    for number, record in enumerate(records, 1):
        symbol = record.get("symbol", "")
        if symbol.startswith("DUMMY"):
            bad.append((number, symbol, "a place-holder of a demerger, not a share"))
        elif not _SYMBOL.fullmatch(symbol):
            bad.append((number, symbol, "the symbol is no exchange's symbol"))
        elif symbol not in seen:
            seen.add(symbol)
            industry = record.get("industry", "")
            rows.append(
                {"index": index, "symbol": symbol, "name": record.get("company name"),
                 "sector": words.get(industry.casefold(), industry) or None,
                 "isin": record.get("isin code") or None, "valid_from": context.day,
                 "valid_to": None, "source": context.name}
            )  # fmt: skip
    return rows, bad


def _changes(records: list[dict[str, str]], context: _Context) -> tuple[Rows, Bad]:
    rows: Rows = []
    bad: Bad = []
    for number, record in enumerate(records, 1):
        old = record.get("old") or record.get("sm_key_symbol", "")
        new = record.get("new") or record.get("sm_new_symbol", "")
        when = record.get("sm_applicable_from", "")
        if not _SYMBOL.fullmatch(old) or not _SYMBOL.fullmatch(new):
            bad.append((number, old, "a symbol is missing or is none"))
        elif old == new:
            bad.append((number, old, "old and new symbol are the same"))
        elif when and _day(when) is None:
            bad.append((number, old, f"{when[:20]} is no date"))
        else:
            rows.append({"old": old, "new": new, "effective_date": _day(when),
                         "source": context.name})  # fmt: skip
    return rows, bad


def _multipliers(records: list[dict[str, str]], context: _Context) -> tuple[Rows, Bad]:
    rows: Rows = []
    bad: Bad = []
    for number, record in enumerate(records, 1):
        symbol, when, text = (record.get(key, "") for key in ("symbol", "date", "multiplier"))
        day, value = _day(when), _number(text)
        if not _SYMBOL.fullmatch(symbol) or day is None or value is None or value <= 0:
            bad.append((number, symbol, "no symbol, date and positive multiplier"))
        else:
            rows.append({"symbol": symbol, "ex_date": day, "multiplier": value})
    schema = {"symbol": pl.String, "ex_date": pl.Date, "multiplier": pl.Float64}
    return imported(pl.DataFrame(rows, schema=schema), source=context.name).to_dicts(), bad


def _lots(records: list[dict[str, str]], context: _Context) -> tuple[Rows, Bad]:
    months = {m: first for m in context.header if (first := _month(m)) is not None}
    if not months:
        raise _UnnamedError("no column is a contract month such as OCT-21")
    since = min(months.values())  # the list begins with the month it was published in
    rows: Rows = []
    bad: Bad = []
    for number, record in enumerate(records, 1):
        symbol = record.get("symbol", "")
        if symbol.casefold() == "symbol":
            continue  # the second heading, above the shares
        if not _SYMBOL.fullmatch(symbol):
            if any(record.values()):
                bad.append((number, symbol, "the symbol is no exchange's symbol"))
            continue
        for column, month in months.items():
            text = record.get(column.casefold(), "")
            lot = _number(text)
            if text and (lot is None or lot < 1 or lot != int(lot)):
                bad.append((number, symbol, f"{column} is not a lot: {text[:20]}"))
            elif lot is not None:
                rows.append({"symbol": symbol, "contract_month": month, "lot_size": int(lot),
                             "valid_from": since, "source": context.name})  # fmt: skip
    return rows, bad


def _freezes(records: list[dict[str, str]], context: _Context) -> tuple[Rows, Bad]:
    rows: Rows = []
    bad: Bad = []
    for number, record in enumerate(records, 1):
        symbol, quantity = record.get("symbol", ""), _number(record.get("vol_frz_qty", ""))
        if not _SYMBOL.fullmatch(symbol) or quantity is None or quantity < 1:
            bad.append((number, symbol, "no symbol and positive quantity"))
        else:
            rows.append({"symbol": symbol, "freeze_quantity": int(quantity),
                         "valid_from": context.day, "source": context.name})  # fmt: skip
    return rows, bad


_FORMS = (
    _Form(name="nse_constituents", title="constituents of an index", dataset="membership",
          header=frozenset({"company name", "industry", "symbol"}), read=_constituents),
    _Form(name="symbol_changes", title="symbol changes", dataset="symbol_changes",
          header=frozenset({"old", "new"}), read=_changes),
    _Form(name="nse_symbolchange", title="NSE symbolchange", dataset="symbol_changes",
          header=frozenset({"sm_key_symbol", "sm_new_symbol", "sm_applicable_from"}),
          read=_changes),
    _Form(name="multipliers", title="price multipliers", dataset="adjustments",
          header=frozenset({"symbol", "date", "multiplier"}), read=_multipliers),
    _Form(name="nse_mktlots", title="F&O lots", dataset="lots",
          header=frozenset({"underlying", "symbol"}), read=_lots),
    _Form(name="nse_qtyfreeze", title="quantity freeze", dataset="freeze_quantities",
          header=frozenset({"symbol", "vol_frz_qty"}), read=_freezes),
)  # fmt: skip


# -- small readers --------------------------------------------------------------------------------


def _cells(data: bytes) -> list[list[str]]:
    """Return the rows of a CSV file or of the first sheet of an old Excel file as text."""
    if data[:4] == _XLS:
        import xlrd

        try:
            sheet = xlrd.open_workbook(file_contents=data).sheet_by_index(0)
        except (xlrd.XLRDError, IndexError, AssertionError) as error:
            raise ValueError(f"the Excel file cannot be read: {error}") from error
        return [[str(cell) for cell in sheet.row_values(i)] for i in range(sheet.nrows)]
    text = data.decode("utf-8-sig", errors="strict")
    if "\x00" in text:
        raise ValueError("it is not text")
    return list(csv.reader(io.StringIO(text)))


def _index_of(name: str) -> str:
    """Return the index a file such as ``ind_nifty50list_2025-02.csv`` lists."""
    stem = re.sub(r"[_-]?(20\d\d[-_]?\d*[-_]?\d*|\d{8})$", "", Path(name).stem)
    word = re.sub(r"^ind_|list$", "", stem.lower()).replace("_", " ")
    index = indices.canonical_index(word)
    if index not in indices.index_names():
        raise _UnnamedError(f"the name `{Path(name).name}` does not say which index it lists")
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
    return value if abs(value) < 1e12 else None  # noqa: PLR2004 - no list holds more


def _refused(name: str, reason: str, *, form: str = "") -> ReferenceBatch:
    row = {"dataset": "", "source": form, "file": name, "reason": reason, "raw": ""}
    rejects = conform(pl.DataFrame([row]), REJECTS, what=name)
    return ReferenceBatch(file=name, form=form, rejects=rejects)


def _rejects(name: str, form: str, dataset: str, bad: Bad) -> pl.DataFrame:
    rows = [
        {"dataset": dataset, "source": form, "file": name, "row": number, "symbol": symbol[:50],
         "reason": reason, "raw": ""}
        for number, symbol, reason in bad
    ]  # fmt: skip
    return conform(pl.DataFrame(rows, schema_overrides={"row": pl.Int64}), REJECTS, what=name) \
        if rows else pl.DataFrame(schema=REJECTS)  # fmt: skip
