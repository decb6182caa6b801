"""Which day the rows of a file belong to: by its name, by the calendar, and not in days to come.

What the rows hold beside their day is not judged here.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.nse.rows import reject_file

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_IN_NAME = (
    (re.compile(r"(?<!\d)(20\d\d)-(\d\d)-(\d\d)(?!\d)"), "%Y%m%d"),
    (re.compile(r"(?<!\d)(20\d\d)(\d\d)(\d\d)(?!\d)"), "%Y%m%d"),
    (re.compile(r"(?<!\d)(\d\d)(\d\d)(20\d\d)(?!\d)"), "%d%m%Y"),
    (re.compile(rf"(?<!\d)(\d\d)({'|'.join(_MONTHS)})(20\d\d)(?!\d)", re.IGNORECASE), "%d%b%Y"),
    # six digits are a date only behind the exchange's own prefix: EQ010421, pd010421
    (re.compile(r"^(?:EQ|PD|EQ_ISINCODE_)(\d\d)(\d\d)(\d\d)(?!\d)", re.IGNORECASE), "%d%m%y"),
)


def date_in_name(name: str) -> date | None:
    """Return the date a file's own name carries, or None.

    >>> date_in_name("all.zip!cm01NOV2019bhav.csv"), date_in_name("EQ010421.CSV")
    (datetime.date(2019, 11, 1), datetime.date(2021, 4, 1))
    """
    own = Path(name.rsplit("!", 1)[-1]).name
    for pattern, style in _IN_NAME:
        for found in pattern.finditer(own):
            try:
                return datetime.strptime("".join(found.groups()), style).date()  # noqa: DTZ007 - a date
            except ValueError:
                continue
    return None


def no_session(day: date, segment: calendar.Segment = calendar.Segment.EQUITY) -> str:
    """Return why `day` cannot be a session, or "" where it is one or the tables do not reach it."""
    try:
        closed = not calendar.is_session(segment, day)
    except OutOfRange:
        _, last = calendar.reach(segment)
        return f"after the end of the calendar ({last}): {day}" if day > last else ""
    return f"not a trading day of the calendar: {day}" if closed else ""


def known_by(batch: EodBatch, today: date) -> EodBatch:
    """Refuse rows of days that have not come yet."""
    late = pl.col("date") > today
    frames = {
        name: rows.filter(late.not_() | late.is_null()) for name, rows in batch.frames.items()
    }
    bad = [
        reject_file(batch.file, f"a day that has not come yet: {day}, {count} rows",
                    form=batch.form, dataset=name).with_columns(pl.lit(day).alias("date"))
        for name, rows in batch.frames.items()
        for day, count in rows.filter(late).group_by("date").len().sort("date").iter_rows()
    ]  # fmt: skip
    if not bad:
        return batch
    kept = {name: rows for name, rows in frames.items() if rows.height}
    held = [batch.rejects] if batch.rejects is not None else []
    return replace(batch, frames=kept, rejects=pl.concat([*held, *bad]))


def on_sessions(
    rows: pl.DataFrame, dataset: str, form: str, file: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Refuse rows of days on which the exchange was closed: one reject a day."""
    held = rows.select("exchange", "date").unique().sort("date", "exchange")
    closed = [
        (day, why)
        for exchange, day in held.iter_rows()
        if exchange in set(Exchange)  # what no exchange made has no calendar: OTC
        and (why := no_session(day, calendar.segment_of(Exchange(exchange))))
    ]
    rejects = [reject_file(file, f"{why}, {rows.filter(date=day).height} rows", form=form,
                           dataset=dataset).with_columns(pl.lit(day).alias("date"))
               for day, why in closed]  # fmt: skip
    kept = rows.filter(~pl.col("date").is_in([day for day, _ in closed])) if closed else rows
    return kept, pl.concat([reject_file(file, "").clear(), *rejects])


def stale(rows: pl.DataFrame, named: date | None) -> list[str]:
    """Note a file that is named for one day and holds another: the rows rule."""
    days = rows["date"].unique().to_list()
    if named is None or len(days) != 1 or days[0] == named:
        return []
    return [f"a copy of another session: named {named}, holds {days[0]}"]
