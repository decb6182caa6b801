"""One reading statement in SQL, checked word by word before Polars sees it.

Polars' own SQL opens files and addresses named in a query and ends the process on very deep input
(measured on 2.1.0); so the words are looked at first and only the tables named are opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from alphastock_cli.errors import UnknownName, UsageError, nearest

MAX_LENGTH = 20_000
MAX_TOKENS = 3_000
MAX_DEPTH = 30
_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<text>'(?:[^']|'')*')"
    r'|(?P<quoted>"(?:[^"]|"")*"|`[^`]*`)'
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>\d[\d.eE]*)"
    r"|(?P<symbol>\S)",
    re.DOTALL,
)
_FIRST = ("select", "with", "explain", "show")
_WRITES = frozenset(
    {"insert", "update", "delete", "drop", "create", "truncate", "copy", "attach", "alter",
     "install", "load", "pragma", "set", "into"}
)  # fmt: skip
_FILES = re.compile(r"(?:read|scan)_[a-z0-9_]+", re.IGNORECASE)
_AFTER_TABLE = frozenset({"from", "join"})


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

    Raises
    ------
    UsageError, UnknownName
        Not one reading statement, a file without permission, a name nobody knows, bad SQL.
    """
    words = _tokens(query)
    _check(words, allow_files=allow_files)
    named = {text.strip('"`').lower() for kind, text in words if kind in {"name", "quoted"}}
    used = {name: tables[name] for name in tables if name.lower() in named}
    showing = words[0][1].lower() == "show"
    frames = {name: tables[name] for name in tables} if showing else used
    try:
        with pl.SQLContext(frames, eager=False) as context:
            return context.execute(query).collect()
    except pl.exceptions.PolarsError as error:
        raise _explained(error, tables, used) from None


def _tokens(query: str) -> list[tuple[str, str]]:
    if len(query) > MAX_LENGTH:
        raise UsageError(f"the query has {len(query)} characters, at most {MAX_LENGTH} are read")
    found = []
    depth = 0
    for match in _TOKEN.finditer(query):
        kind, text = str(match.lastgroup), match.group()
        if kind == "comment":
            continue
        found.append((kind, text))
        depth += {"(": 1, ")": -1}.get(text, 0)
        if depth > MAX_DEPTH:
            raise UsageError(f"the query is nested deeper than {MAX_DEPTH} parentheses")
        if len(found) > MAX_TOKENS:
            raise UsageError(f"the query has more than {MAX_TOKENS} words")
    while found and found[-1][1] == ";":
        found.pop()
    if not found:
        raise UsageError("the query is empty", hint='e.g. "select * from equities_day limit 5"')
    return found


def _check(words: list[tuple[str, str]], *, allow_files: bool) -> None:
    first = words[0][1].lower()
    if first not in _FIRST:
        raise UsageError(
            f"`{words[0][1][:40]}` is not a reading statement",
            hint="One SELECT, WITH, EXPLAIN or SHOW TABLES.",
        )
    lower = [text.lower() if kind == "name" else text for kind, text in words]
    if first == "show" and lower != ["show", "tables"]:
        raise UsageError("only SHOW TABLES can be shown")
    for position, (kind, text) in enumerate(words):
        word = lower[position]
        if text == ";":
            raise UsageError("one statement at a time", hint="Drop what follows the semicolon.")
        if kind == "name" and word in _WRITES:
            raise UsageError(f"`{text}` changes something; the lake is only read here")
        follows = words[position + 1][1] if position + 1 < len(words) else ""
        if kind in {"name", "quoted"} and follows == "(" and _FILES.fullmatch(text.strip('"`')):
            _allow(allow_files, f"`{text}` opens a file")
        before = lower[position - 1] if position else ""
        named = text.strip("\"'`")
        looks_like_file = "/" in named or "." in named or ":" in named
        if (before in _AFTER_TABLE or _in_list(lower, position)) and (
            kind == "text" or (kind == "quoted" and looks_like_file)
        ):
            _allow(allow_files, f"{text[:60]} names a file")


def _in_list(lower: list[str], position: int) -> bool:
    """Tell whether the word stands after a comma in a list of tables: ``from a, 'x.parquet'``."""
    if position == 0 or lower[position - 1] != ",":
        return False
    stops = {"where", "select", "group", "order", "having", "limit", "on", "(", ")"}
    for word in reversed(lower[:position]):
        if word in stops:
            return False
        if word in _AFTER_TABLE:
            return True
    return False


def _allow(allowed: bool, what: str) -> None:  # noqa: FBT001 - a fact passed on
    if not allowed:
        raise UsageError(what, hint="Add --allow-files if that is meant.")


def _explained(
    error: pl.exceptions.PolarsError,
    tables: Mapping[str, pl.LazyFrame],
    used: Mapping[str, pl.LazyFrame],
) -> UsageError | UnknownName:
    """Say in words what Polars found wrong, naming the nearest table or column."""
    text = next(iter(str(error).splitlines()), type(error).__name__)
    relation = re.search(r"relation '([^']*)' was not found", text)
    if relation:
        return UnknownName.of(
            "table", relation.group(1), tables, hint=f"Known: {', '.join(tables)}."
        )
    columns = [name for frame in used.values() for name in frame.collect_schema().names()]
    if isinstance(error, pl.exceptions.ColumnNotFoundError):
        name = re.search(r'"([^"]*)"|\'([^\']*)\'', text)
        word = (name.group(1) or name.group(2)) if name else text.split()[0]
        return UnknownName.of("column", word, columns, hint=f"Known: {', '.join(columns)}.")
    near = nearest(text, columns)
    return UsageError(f"the query cannot be run: {text}", hint=f"See {near[0]}." if near else "")
