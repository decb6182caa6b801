"""One reading statement in SQL over tables that are opened only when the query names them.

The words are checked in `sql_check.py` before Polars sees them; which tables there are is decided
in `sql_tables.py`. What Polars says of a mistake is put into words here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from alphastock_cli.actions.sql_check import checked
from alphastock_cli.errors import AlphaStockError, DamagedData, UnknownName, UsageError


def run_sql(
    query: str, tables: Mapping[str, pl.LazyFrame], *, allow_files: bool = False
) -> pl.DataFrame:
    """Return the answer of one SELECT, WITH, EXPLAIN or SHOW TABLES.

    Parameters
    ----------
    tables : mapping of str to LazyFrame
        What may be asked; a table is opened only when the query names it.
    allow_files : bool
        True lets table functions such as ``read_parquet('x')`` through.

    Returns
    -------
    DataFrame
        Null where a value is not known: infinity and NaN (a division by zero) become null.

    Raises
    ------
    UsageError, UnknownName
        Not one reading statement, a file without permission, a name nobody knows, bad SQL.
    DamagedData
        A stored file turns out to be unreadable.
    """
    asked = checked(query, allow_files=allow_files)
    if asked.shows_tables:
        return pl.DataFrame({"name": sorted(tables)})
    used = {name: tables[name] for name in tables if name.lower() in asked.names}
    try:
        with pl.SQLContext(used, eager=False) as context:
            frame = context.execute(asked.text).collect()
    except (pl.exceptions.PolarsError, OSError, ValueError, TypeError, OverflowError) as error:
        raise _explained(error, tables, used) from None
    except pl.exceptions.PanicException as error:  # not an Exception: it would escape every net
        raise UsageError(
            f"the query cannot be run: {_first_line(error)}", hint="Write it another way."
        ) from None
    return frame.with_columns(
        pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name)
        for name, dtype in frame.schema.items()
        if dtype.is_float()
    )


def _explained(
    error: Exception, tables: Mapping[str, pl.LazyFrame], used: Mapping[str, pl.LazyFrame]
) -> AlphaStockError:
    """Say in words what Polars found wrong, naming the nearest table or column."""
    text = _first_line(error)
    relation = re.search(r"relation '([^']*)' was not found", text)
    if relation:
        return UnknownName.of(
            "table", relation.group(1), tables, hint=f"Known: {', '.join(tables)}."
        )
    missing = re.search(r"unable to find column \"([^\"]*)\"|no column named '([^']*)'", text)
    if missing or isinstance(error, pl.exceptions.ColumnNotFoundError):
        word = (missing.group(1) or missing.group(2) or "") if missing else text.split()[0]
        columns = [name for frame in used.values() for name in frame.collect_schema().names()]
        known = list(dict.fromkeys(columns))
        return UnknownName.of("column", word, known, hint=f"Known: {', '.join(known)}.")
    if "parquet" in text.lower():
        return DamagedData(
            f"a stored file cannot be read: {text}",
            safe="Nothing was changed.",
            hint="Run `alphastock lake repair`.",
        )
    hint = ""
    if "date/datetime/time" in text or "parse dates" in text:
        text = "a date is compared with a text that is none"
        hint = "Write dates as 'YYYY-MM-DD'."
    elif isinstance(error, pl.exceptions.DuplicateError):
        hint = "Name one of the columns with `as`."
    return UsageError(f"the query cannot be run: {text}", hint=hint)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
