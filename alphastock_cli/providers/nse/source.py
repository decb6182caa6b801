"""Read a folder of end-of-day files: recognise each by its header, check its rows, date them.

The only capability of this provider: it has no quotes and no history of its own. Load the files
with `fetch eod`, then ask the provider `lake`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import ClassVar, NoReturn

import polars as pl

from alphastock_cli.domain.frames import DATASETS, REJECTS, conform
from alphastock_cli.domain.instrument import Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, Clock, EodBatch
from alphastock_cli.errors import BadReply, NotOffered
from alphastock_cli.providers.nse import walk
from alphastock_cli.providers.nse.days import date_in_name, known_by, no_session, on_sessions, stale
from alphastock_cli.providers.nse.parts import Form, Part, UnclearError
from alphastock_cli.providers.nse.rows import ROW, Checked, check, reject_file
from alphastock_cli.providers.nse.tables import NotOursError, Odd, Table, read_table
from alphastock_cli.registry import PROVIDERS
from alphastock_cli.safety import safe_text

_NOT_TABLES = frozenset({".xls"})  # reference lists come as such; no end-of-day file does


@PROVIDERS.register("nse")
class NseFiles:
    """Files of shares, indices, derivatives and rates, as published; no row of a day to come.

    Parameters
    ----------
    clock : Clock, optional
        Says which days have come; without one every day of the calendar is taken.
    """

    name: ClassVar[str] = "nse"
    simulated: ClassVar[bool] = False
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.EOD_FILES})

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock

    def read_folder(self, folder: Path, *, on: date | None = None) -> Iterator[EodBatch]:
        """Yield a batch for each file below `folder`, archives opened, in order of names.

        Parameters
        ----------
        on : date, optional
            The session of files that carry no date in rows or name.
        """
        for path in walk.files(folder):
            for found in walk.open_file(path, str(path.relative_to(folder))):
                if Path(found.name).suffix.lower() in _NOT_TABLES:
                    continue
                if found.refused:
                    yield refused(found.name, found.refused)
                else:
                    batch = read_file(found.name, found.data, on=on)
                    yield (
                        batch if self._clock is None else known_by(batch, self._clock.now().date())
                    )

    def as_of(self) -> NoReturn:
        """Refuse: files have no moment of their own."""
        self._not_offered("moment of its own")

    def instruments(self, exchange: Exchange) -> NoReturn:
        """Refuse."""
        self._not_offered(f"instruments of {exchange}")

    def quotes(self, keys: Sequence[str]) -> NoReturn:
        """Refuse."""
        self._not_offered(f"quotes of {len(keys)} instruments")

    def candles(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime
    ) -> NoReturn:
        """Refuse."""
        self._not_offered(f"{interval} candles of {instrument.key} from {start} to {end}")

    def expiries(self, underlying: str) -> NoReturn:
        """Refuse: the contracts are in the lake once they are loaded."""
        self._not_offered(f"expiries of {underlying}")

    def option_chain(self, underlying: str, expiry: date) -> NoReturn:
        """Refuse: the contracts are in the lake once they are loaded."""
        self._not_offered(f"chain of {underlying} {expiry}")

    def equities_day(self, **_: object) -> NoReturn:
        """Refuse: the rows are in the lake once they are loaded."""
        self._not_offered("stored days")

    def indices_day(self, **_: object) -> NoReturn:
        """Refuse: the rows are in the lake once they are loaded."""
        self._not_offered("stored days")

    def adjustments(self, exchange: Exchange) -> NoReturn:
        """Refuse."""
        self._not_offered(f"adjustments of {exchange}")

    def symbol_changes(self) -> NoReturn:
        """Refuse."""
        self._not_offered("symbol changes")

    def members(self, index: str, on: date) -> NoReturn:
        """Refuse."""
        self._not_offered(f"members of {index} on {on}")

    def _not_offered(self, what: str) -> NoReturn:
        raise NotOffered(
            f"`nse` reads end-of-day files and has no {what}",
            hint="Load them with `alphastock fetch eod --from-dir FOLDER`, then --provider lake.",
        )


def refused(name: str, reason: str, *, form: str = "") -> EodBatch:
    """Return the batch of a file of which nothing can be used."""
    return EodBatch(file=name, form=form, rejects=reject_file(name, reason, form=form))


def read_file(name: str, data: bytes, *, on: date | None = None) -> EodBatch:
    """Return what one file holds: typed rows by dataset, refused rows, notes.

    Whatever the bytes are, a batch comes back: a file that cannot be used is refused whole.
    """
    try:
        return _read(name, data, on)
    except NotOursError as error:
        return refused(name, str(error))
    # a panic is how Polars ends on some damaged Parquet; other files must go on
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, BadReply, ValueError) as error:
        first = next(iter(str(error).splitlines()), "") or type(error).__name__
        return refused(name, f"not a table: {safe_text(first)}")


def _read(name: str, data: bytes, on: date | None) -> EodBatch:
    table = read_table(data)
    named = date_in_name(name)
    form, trouble = _by_market(table.form, table.rows)
    day = None if form.dated else (named or on)
    if trouble := trouble or _trouble(form, table, day):
        return refused(name, trouble, form=form.name)
    try:
        text, said = form.prepare(table.rows, name)
    except UnclearError as error:
        return refused(name, str(error), form=form.name)
    frames: dict[str, pl.DataFrame] = {}
    rejects = [_odd(name, form.name, form.parts[0].dataset, table.odd)]
    notes = list(said)
    for part in form.parts:
        checked = _part(part, text, form_name=form.name, file=name, day=day)
        rows = checked.rows
        rejects.append(checked.rejects)
        if form.dated:
            rows, closed = on_sessions(rows, part.dataset, form.name, name)
            rejects.append(closed)
            if form.named_by_day:
                notes += [note for note in stale(rows, named) if note not in notes]
        if checked.repeats:
            notes.append(f"a file that repeats rows: {checked.repeats}")
        if rows.height:
            frames[part.dataset] = rows
    return EodBatch(
        file=name, form=form.name, frames=frames, rejects=pl.concat(rejects), notes=tuple(notes),
        undated=not form.dated and day is None and bool(frames),
        dated_by_name=not form.dated and day is not None,
    )  # fmt: skip


def _trouble(form: Form, table: Table, day: date | None) -> str:
    """Return why nothing of the file can be used, or ""."""
    if table.rows.is_empty() and not table.odd:
        return "no row below the header"
    if day is not None:
        return no_session(day, form.segment)
    # shares can still be dated by their closes
    can_wait = form.dated or any(part.dataset == "equities_day" for part in form.parts)
    return "" if can_wait else "no date in the rows or the name: give --on DATE"


def _by_market(form: Form, text: pl.DataFrame) -> tuple[Form, str]:
    """Return the form of the rows' market, and why the file is not ours after all."""
    if form.market is None:
        return form, ""
    segments = text["Sgmt"].drop_nulls().unique().sort().to_list()
    sources = text["Src"].drop_nulls().unique().sort().to_list()
    of = {each.market: each for each in (form, *form.siblings)}
    found = of.get((segments[0], sources[0])) if len(segments) == len(sources) == 1 else None
    if found is None:
        told = safe_text(f"UDiFF of {' and '.join(sources)}, segment {' and '.join(segments)}")
        return form, f"{told}: only one of CM and FO of one of NSE and BSE is read"
    lacking = sorted(found.header - set(text.columns))
    return found, f"the header lacks {', '.join(lacking)}" if lacking else ""


def _part(
    part: Part, text: pl.DataFrame, *, form_name: str, file: str, day: date | None
) -> Checked:
    chosen = text if part.keep is None else text.filter(part.keep())
    have = [field for field in part.fields if field.column in text.columns]
    used = [ROW, *dict.fromkeys(field.column for field in have)]

    def finish(frame: pl.DataFrame) -> pl.DataFrame:
        done = part.finish(frame).with_columns(pl.lit(form_name).alias("source"))
        return done if day is None else done.with_columns(pl.lit(day).alias("date"))

    return check(
        chosen.select(used), have, dataset=part.dataset, form=form_name, file=file,
        schema=DATASETS[part.dataset], finish=finish, rules=part.rules,
        close_reach=part.close_reach,
    )  # fmt: skip


def _odd(file: str, form: str, dataset: str, lines: Sequence[Odd]) -> pl.DataFrame:
    rows = [
        {"dataset": dataset, "source": form, "file": file, "row": line.row,
         "reason": line.reason, "raw": safe_text(line.raw, limit=500)}
        for line in lines
    ]  # fmt: skip
    return conform(pl.DataFrame(rows), REJECTS, what=file) if rows else pl.DataFrame(schema=REJECTS)
