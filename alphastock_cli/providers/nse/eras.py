"""Which file of which name an exchange published for a day: its archive by eras.

No request is made here and no address is written here: the rows are in `exchange/data/archive.csv`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from alphastock_cli.domain.eod_archive import Plan, Wanted
from alphastock_cli.errors import OutOfRange, UnknownName, UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.tables import parse_date, read_table

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """One kind of file over one span of days: a row of the table."""

    kind: str
    exchange: str
    segment: calendar.Segment
    host: str
    path: str
    inside: str
    day_column: str
    day_formats: tuple[str, ...]
    referer: str
    valid_from: date | None
    valid_to: date | None

    def holds(self, day: date) -> bool:
        """Tell whether files of `day` belong to this era."""
        after = self.valid_from is None or self.valid_from <= day
        return after and (self.valid_to is None or day <= self.valid_to)

    def wanted(self, day: date, base: str) -> Wanted:
        """Return the file of `day`; `base` stands for the host where it is not empty."""
        path = self.path.format(
            YYYY=f"{day:%Y}", YY=f"{day:%y}", MM=f"{day:%m}", DD=f"{day:%d}",
            MON=_MONTHS[day.month - 1],
        )  # fmt: skip
        url = (base or self.host).rstrip("/") + path
        return Wanted(day=day, kind=self.kind, url=url, name=path.rsplit("/", 1)[-1])


@cache
def eras() -> tuple[Era, ...]:
    """Return every row of the table, in its order."""
    return tuple(
        Era(
            kind=row["kind"], exchange=row["exchange"], segment=calendar.Segment(row["segment"]),
            host=row["host"], path=row["path"], inside=row["inside"], referer=row["referer"],
            day_column=row["day_column"],
            day_formats=tuple(row["day_formats"].split("|")) if row["day_formats"] else (),
            valid_from=parse_date(row["valid_from"]), valid_to=parse_date(row["valid_to"]),
        )
        for row in read_table("archive")
    )  # fmt: skip


def kinds() -> tuple[str, ...]:
    """Return the kinds there are, in the order of the table."""
    return tuple(dict.fromkeys(era.kind for era in eras()))


def era_of(kind: str, day: date) -> Era | None:
    """Return the era of a kind on a day, None where the archive has none."""
    return next((era for era in eras() if era.kind == kind and era.holds(day)), None)


def plan(
    asked: Sequence[str],
    first: date,
    last: date | None,
    now: datetime,
    bases: Mapping[str, str],
) -> Plan:
    """Return the files of every session from `first` to `last` that is over at `now`, by day.

    Parameters
    ----------
    last : date, optional
        None means up to the last session that is over.
    bases : mapping
        What stands for the host of an exchange, by its code; "" or absent for its own.

    Raises
    ------
    UnknownName, UsageError
        No such kind; no kind; `first` after `last`.
    OutOfRange
        The calendar does not reach `first`, or the archive has none of the kinds for any day.
    """
    _refuse(asked, first, last)
    found: list[Wanted] = []
    notes: list[str] = []
    outside: list[str] = []
    for kind in (kind for kind in kinds() if kind in asked):
        segment = next(era.segment for era in eras() if era.kind == kind)
        end = _last_over(segment, last, now)
        held = [(day, era_of(kind, day)) for day in calendar.sessions(segment, first, end)]
        found += [era.wanted(day, bases.get(era.exchange, "")) for day, era in held if era]
        lacking = [day for day, era in held if era is None]
        outside += [_outside(kind, lacking)] if lacking else []
        today = now.date()
        running = last is not None and first <= today <= last and end < today
        if running and calendar.is_session(segment, today):
            notes.append(f"{kind}: the session of {today} is not over, its file is left out")
    if not found and outside:
        raise OutOfRange(
            "the archive has none of these files: " + "; ".join(outside),
            hint="Choose later days, or another --kind.",
        )
    rank = {kind: place for place, kind in enumerate(kinds())}
    found.sort(key=lambda wanted: (wanted.day, rank[wanted.kind]))
    return Plan(wanted=tuple(found), notes=(*notes, *outside))


def _refuse(asked: Sequence[str], first: date, last: date | None) -> None:
    for kind in asked:
        if kind not in kinds():
            raise UnknownName.of("kind", kind, kinds(), hint=f"Known: {', '.join(kinds())}.")
    if not asked:
        raise UsageError("no kind of file is named", hint=f"Known: {', '.join(kinds())}.")
    if last is not None and first > last:
        raise UsageError(f"--from {first} is after --to {last}", hint="Turn them round.")


def _last_over(segment: calendar.Segment, last: date | None, now: datetime) -> date:
    """Return the last day whose session may be asked for; of days past, the calendar need not know.

    The tables may end before `now` and still hold every day that is asked for.
    """
    if last is not None and last < now.date():
        return last
    final = calendar.last_final_session(segment, now).day
    return final if last is None else min(last, final)


def _outside(kind: str, days: Sequence[date]) -> str:
    """Say which sessions have no file of that kind, and from when on there are some."""
    begins = min((era.valid_from for era in eras() if era.kind == kind and era.valid_from),
                 default=None)  # fmt: skip
    since = f"published from {begins}, " if begins is not None and days[0] < begins else ""
    span = f"{days[0]}" if len(days) == 1 else f"{len(days)} sessions from {days[0]} to {days[-1]}"
    return f"{kind}: {since}nothing for {span}"
