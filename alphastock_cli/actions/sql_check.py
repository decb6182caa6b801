"""Look at the words of a query before Polars does, and refuse what is no plain reading of tables.

Polars' own SQL opens files named in table functions, even in subqueries, creates and drops tables,
and needs minutes for some short texts (measured on 2.1.0). What our words and Polars' could read
differently (dollar quotes, prefixed texts, comments inside comments) is refused, so that nothing
hides in a text that is none.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from alphastock_cli.errors import UsageError

MAX_LENGTH = 20_000
MAX_WORDS = 3_000
MAX_DEPTH = 12
MAX_REPEATS = 300  # of one name: a chain of some ends the process
# how often such words may stand in one query: Polars repeats what stands inside a `between` or
# `nullif`, so that each doubles the work, and chains of the others cost their cube
MOST = (
    (("between", "nullif"), 12, "ranges"),
    (("interval",), 12, "intervals"),
    (("and", "or"), 200, "conditions"),
    (("=", "==", "!=", "<>", "<", "<=", ">", ">="), 200, "comparisons"),
    (("union", "intersect", "except"), 50, "joined selects"),
    (("join",), 30, "joined tables"),
    (("+", "-", "*", "/", "%", "||"), 300, "operators"),
)

_WORD = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<comment>--[^\n]*|/\*(?:(?!/\*|\*/).)*\*/)"
    r"|(?P<text>'(?:[^']|'')*')"
    r'|(?P<quoted>"(?:[^"]|"")*"|`[^`]*`)'
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<symbol>::|<=|>=|<>|!=|==|\|\||/(?!\*)|[-+*%(),.<>=;:\[\]])",
    re.DOTALL,
)
_FIRST = ("select", "with", "explain", "show")
_WRITES = frozenset(
    {"insert", "update", "delete", "drop", "create", "truncate", "copy", "attach", "alter",
     "install", "load", "pragma", "set", "into"}
)  # fmt: skip
# sought in the whole text, quotes and comments included: a reading mistake of ours opens nothing
_FILES = re.compile(r"(?:read|scan)_[a-z0-9_]+", re.IGNORECASE)
_AFTER_TABLE = frozenset({"from", "join"})
_END_OF_TABLES = frozenset(
    {"where", "select", "group", "order", "having", "limit", "on", "using", "union", "(", ")"}
)
_HINT = "Add --allow-files if that is meant."


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a query: its kind and its text; `low` is in small letters unless it is quoted."""

    kind: str
    text: str

    @property
    def low(self) -> str:
        """The word for comparisons with words of the language."""
        return self.text.lower() if self.kind == "name" else self.text

    @property
    def bare(self) -> str:
        """The text without its quotes."""
        return self.text[1:-1] if self.kind in {"text", "quoted"} else self.text


@dataclass(frozen=True, slots=True)
class Query:
    """A checked query.

    Attributes
    ----------
    text : str
        What may be given to Polars: comments and closing semicolons are gone.
    names : frozenset of str
        Every name in it, in small letters: the tables to be opened are among them.
    shows_tables : bool
        True for SHOW TABLES.
    """

    text: str
    names: frozenset[str]
    shows_tables: bool


def checked(query: str, *, allow_files: bool) -> Query:
    """Return `query` if it is one plain reading statement.

    Raises
    ------
    UsageError
        It is too long, nested too deeply, more than one statement, writes something, or names a
        file without permission.
    """
    words, text = _words(query)
    _limits(words)
    if words[0].low not in _FIRST:
        raise UsageError(
            f"`{words[0].text[:40]}` is not a reading statement",
            hint="One SELECT, WITH, EXPLAIN or SHOW TABLES.",
        )
    showing = words[0].low == "show"
    if showing and [word.low for word in words] != ["show", "tables"]:
        raise UsageError(
            "only SHOW TABLES can be shown", hint="See `alphastock sql 'show tables'`."
        )
    for word in words:
        if word.text == ";":
            raise UsageError("one statement at a time", hint="Drop what follows the semicolon.")
        if word.low in _WRITES and word.kind == "name":
            raise UsageError(f"`{word.text}` changes something; tables are only read here")
    if not allow_files:
        _no_files(query, words)
    names = frozenset(word.bare.lower() for word in words if word.kind in {"name", "quoted"})
    return Query(text, names, showing)


def _words(query: str) -> tuple[list[Word], str]:
    """Return the words, and the text without comments and closing semicolons."""
    if len(query) > MAX_LENGTH:
        raise UsageError(f"the query has {len(query)} characters, at most {MAX_LENGTH} are read")
    found: list[Word] = []
    pieces: list[str] = []
    at, before = 0, ""
    while at < len(query):
        match = _WORD.match(query, at)
        if match is None:
            raise UsageError(f"{_unreadable(query[at:])} at character {at + 1} of the query")
        kind, text = str(match.lastgroup), match.group()
        if kind in {"text", "quoted"} and before in {"name", "number", "text", "quoted"}:
            raise UsageError(f"a space is missing before {text[:20]} at character {at + 1}")
        if kind in {"space", "comment"}:
            pieces.append(" ")
        else:
            found.append(Word(kind, text))
            pieces.append(text)
        at, before = match.end(), kind
    while found and found[-1].text == ";":
        found.pop()
    if not found:
        raise UsageError("the query is empty", hint='e.g. "select * from equities_day limit 5"')
    return found, "".join(pieces).rstrip("; ")


def _unreadable(rest: str) -> str:
    if rest.startswith("/*"):
        return "a comment that does not end, or holds another one,"
    return "a text that does not end" if rest[0] in "'\"`" else f"unexpected {rest[0]!r}"


def _limits(words: list[Word]) -> None:
    if len(words) > MAX_WORDS:
        raise UsageError(f"the query has {len(words)} words, at most {MAX_WORDS} are read")
    depth = cases = 0
    for word in words:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word.text, 0)
        cases = max(0, cases + {"case": 1, "end": -1}.get(word.low, 0))
        if depth > MAX_DEPTH or cases > MAX_DEPTH:
            raise UsageError(f"the query is nested deeper than {MAX_DEPTH}")
        if depth < 0:
            raise UsageError("the query closes a parenthesis that was never opened")
    seen = Counter(word.low for word in words if word.kind != "text")
    for some, most, what in MOST:
        if sum(seen[low] for low in some) > most:
            raise UsageError(f"the query has too many {what}: at most {most} of {', '.join(some)}")
    names = Counter(word.low for word in words if word.kind in {"name", "quoted"})
    name, times = max(names.items(), key=lambda item: item[1], default=("", 0))
    if times > MAX_REPEATS:
        raise UsageError(f"the query says `{name[:40]}` {times} times, at most {MAX_REPEATS}")


def _no_files(query: str, words: list[Word]) -> None:
    """Refuse functions that open files, and files in the place of tables."""
    named = _FILES.search(query)
    if named:
        raise UsageError(f"`{named.group()[:40]}` opens a file", hint=_HINT)
    listing = False
    for before, word in pairwise(words):
        listing = before.low in _AFTER_TABLE or (listing and before.low not in _END_OF_TABLES)
        place = before.low in _AFTER_TABLE or (listing and before.text == ",")
        if place and word.kind in {"text", "quoted"} and re.search(r"[./\\:*]", word.bare):
            raise UsageError(f"{word.text[:60]} names a file", hint=_HINT)
