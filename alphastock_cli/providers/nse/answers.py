"""Is this answer the file that was asked for? HTML, another day, half a table, no zip: it is not.

Looks only at what proves the file and its day; what the rows are worth is `rows.py`'s business.
"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime

from alphastock_cli.providers.nse.days import date_in_name
from alphastock_cli.providers.nse.eras import Era
from alphastock_cli.safety import safe_text
from alphastock_cli.store.archive import Budget, unpack

_ZIP = b"PK\x03\x04"
_HTML = ("text/html", "application/xhtml")
_DAYS_NAMED = 3


def wrong(data: bytes, name: str, day: date, era: Era, *, content_type: str = "") -> str:
    """Return why `data` is not the file of `day`, or "" where it is.

    The words before ": " are the kind of trouble, what follows are particulars.

    Parameters
    ----------
    content_type : str
        What the server said; "" for a file of the cache.
    """
    if not data.strip():
        return "an empty answer"
    if content_type.lower().startswith(_HTML) or _looks_like_html(data):
        return "an HTML page instead of a file"
    if era.inside == "zip" and not data.startswith(_ZIP):
        return f"not a zip archive: it begins with {safe_text(repr(data[:12]), limit=60)}"
    tables = list(unpack(name, data, Budget(), depth=0))
    refused = [table.refused for table in tables if table.refused]
    if refused:
        return f"a damaged archive: {refused[0]}"
    if len(tables) != 1:
        return f"an archive that is not one table: {len(tables)} inside"
    if _looks_like_html(tables[0].data):
        return "an HTML page instead of a file"
    if not era.day_column:
        return _wrong_day({date_in_name(tables[0].name)} - {None}, day)
    return _wrong_rows(tables[0].data, day, era)


def _looks_like_html(data: bytes) -> bool:
    return data[:512].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _wrong_rows(data: bytes, day: date, era: Era) -> str:
    """Return what is wrong with the rows: the day in each, and whether the last one is whole."""
    text = io.StringIO(data.decode("utf-8-sig", errors="replace"), newline="")
    try:
        lines = csv.reader(text, strict=True)
        header = [cell.strip() for cell in next(lines, [])]
        if era.day_column not in header:
            shown = safe_text(", ".join(header), limit=120)
            return f"a table without {era.day_column}: {shown}"
        place = header.index(era.day_column)
        found: set[str] = set()
        last: list[str] = []
        for cells in lines:
            if any(cell.strip() for cell in cells):
                last = cells
                found.add(cells[place].strip() if place < len(cells) else "")
    except csv.Error as error:
        return f"not a table: {error}"
    if not found:
        return "no row below the header"
    # the old forms end the header with a comma and may end their rows without it
    if len(last) < len(header) - (header[-1] == ""):
        return f"a table that breaks off: the last line has {len(last)} of {len(header)} cells"
    days = {text: _day(text, era.day_formats) for text in found}
    unreadable = sorted(text for text, when in days.items() if when is None)
    if unreadable:
        return f"rows without a day: {era.day_column} is {safe_text(repr(unreadable[0]), limit=40)}"
    return _wrong_day({when for when in days.values() if when is not None}, day)


def _wrong_day(found: set[date | None] | set[date], day: date) -> str:
    days = sorted(when for when in found if when is not None)
    if days == [day]:
        return ""
    if not days:
        return "a file that does not say its day"
    shown = ", ".join(map(str, days[:_DAYS_NAMED])) + (" ..." if len(days) > _DAYS_NAMED else "")
    return f"the file of another day: it holds {shown}"


def _day(text: str, formats: tuple[str, ...]) -> date | None:
    for style in formats:
        try:
            return datetime.strptime(text, style).date()  # noqa: DTZ007 - a date
        except ValueError:
            continue
    return None
