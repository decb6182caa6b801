"""Cut a condition into tokens, refusing early what could be long, deep or dangerous.

Only the words of the `--where` language exist here; there is no way to name a file, a function of
the machine, or an attribute. Linear in the length of the text.
"""

from __future__ import annotations

import re
from itertools import pairwise

from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import UsageError

MAX_LENGTH = 2_000
MAX_TOKENS = 200
MAX_DEPTH = 30

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<text>'(?:[^']|'')*')"
    r'|(?P<quoted>"[^"]*")'
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<symbol><=|>=|<>|!=|==|[-+*/%(),<>=])"
)
_FORBIDDEN = frozenset(
    {"select", "from", "join", "over", "union", "insert", "update", "delete", "drop", "create",
     "attach", "copy", "now", "current_date", "current_time", "current_timestamp"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a condition: its kind, its text and where it begins (from 0)."""

    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """The text of a name or symbol, in small letters."""
        return self.text.lower()


def trouble(what: str, text: str, at: int) -> UsageError:
    """Return a usage error that points at a position of the condition."""
    begin = max(0, at - 30)
    near = text[begin : at + 30].replace("\n", " ")
    return UsageError(
        f"{what} at character {at + 1}, near `{near}`",
        hint="e.g. \"rsi < 30 and close > sma_200 and symbol in ('SBIN', 'INFY')\"",
    )


def tokenise(text: str) -> list[Token]:
    """Return the tokens of `text`, an ``end`` token last.

    Raises
    ------
    UsageError
        Longer than 2,000 characters, more than 200 tokens, nested deeper than 30, a character or
        a word that has no place in a condition.
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(f"the condition has {len(text)} characters, at most {MAX_LENGTH} are read")
    found: list[Token] = []
    at = depth = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            what = "a text that does not end" if text[at] in "'\"" else f"unexpected {text[at]!r}"
            raise trouble(what, text, at)
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(Token(kind, match.group(), at))
            depth += {"(": 1, ")": -1}.get(match.group(), 0)
            if kind == "name" and match.group().lower() in _FORBIDDEN:
                raise trouble(f"`{match.group()}` has no place in a condition", text, at)
        if len(found) > MAX_TOKENS:
            raise UsageError(f"the condition has more than {MAX_TOKENS} words")
        if depth > MAX_DEPTH:
            raise UsageError(f"the condition is nested deeper than {MAX_DEPTH} parentheses")
        at = match.end()
    for first, second in pairwise(found):
        if first.text == second.text == "-" and second.at == first.at + 1:
            raise trouble("a comment has no place in a condition", text, first.at)
    found.append(Token("end", "", len(text)))
    return found
