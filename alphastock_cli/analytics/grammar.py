"""The grammar of the `--where` language: recursive descent, one method a level of binding.

Tokens in, one typed expression out, and the clauses that a top-level `and` joins. The language
itself is described in `docs/conventions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from alphastock_cli.analytics.tokens import MAX_DEPTH, Token, tokenise, trouble
from alphastock_cli.analytics.typed import (
    BOOLEAN,
    NUMBER,
    TEXT,
    Typed,
    arithmetic,
    call,
    compare,
    kind_of,
    like,
    literal,
    logical,
    negative,
    one_of,
)
from alphastock_cli.errors import UnknownName, UsageError

_COMPARISONS = frozenset({"=", "==", "!=", "<>", "<", "<=", ">", ">="})
_WORDS = frozenset({"and", "or", "not", "between", "in", "like", "ilike", "is", "null"})


@dataclass(frozen=True, slots=True)
class Part:
    """One clause: its text as written, its expression, the columns it reads."""

    text: str
    expr: pl.Expr
    columns: tuple[str, ...]


class Parser:
    """Recursive descent, one method a level of binding; the token list bounds the depth."""

    def __init__(self, text: str, schema: Mapping[str, Any]) -> None:
        self.text = text
        self.schema = schema
        self.names = {name.lower(): name for name in schema}
        self.tokens = tokenise(text)
        self.at = 0
        self.used: list[str] = []
        self.parts: list[Part] = []
        self.level = 0

    # -- the stream ---------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        """The token to be read next."""
        return self.tokens[self.at]

    def take(self, *words: str) -> bool:
        """Step over the next token if it is one of `words`."""
        if self.token.kind in {"name", "symbol"} and self.token.word in words:
            self.at += 1
            return True
        return False

    def need(self, word: str) -> None:
        """Step over `word`, or say that it is missing."""
        if not self.take(word):
            raise self.wrong(f"expected `{word}`")

    def wrong(self, what: str, token: Token | None = None) -> UsageError:
        """Return the error that points at `token`, else at the next one."""
        place = token or self.token
        return trouble(what, self.text, place.at)

    # -- the grammar --------------------------------------------------------------------------

    def condition(self) -> Typed:
        """Parse the whole text; the parts that a top-level `and` joins are kept for `explain`."""
        if self.token.kind == "end":
            raise UsageError("the condition is empty", hint="Leave --where out, or give one.")
        whole = self.disjunction(top=True)
        if self.token.kind != "end":
            raise self.wrong(f"unexpected `{self.token.text}`")
        if whole.kind != BOOLEAN:
            raise UsageError(
                f"`{self.text.strip()[:80]}` is {whole.kind}, not a condition", hint="Compare it."
            )
        if not self.parts:
            self.keep(0, whole, 0)
        return whole

    def disjunction(self, *, top: bool = False) -> Typed:
        """Parse conditions joined by `or`."""
        begin = self.at
        left = self.conjunction(top=top)
        while self.take("or"):
            self.parts.clear()
            right = self.conjunction()
            left = logical(left, right, "or", self.wrong)
        if top and not self.parts:
            self.keep(begin, left, 0)
        return left

    def conjunction(self, *, top: bool = False) -> Typed:
        """Parse conditions joined by `and`; at the top each is kept as a clause."""
        begin, seen = self.at, len(self.used)
        left = self.negation()
        parts = [(begin, self.at, left, seen, len(self.used))]
        while self.take("and"):
            begin, seen = self.at, len(self.used)
            right = self.negation()
            parts.append((begin, self.at, right, seen, len(self.used)))
            left = logical(left, right, "and", self.wrong)
        if top:
            for start, end, typed, first, last in parts:
                self.add(start, end, typed, self.used[first:last])
        return left

    def negation(self) -> Typed:
        """Parse `not` and what it denies."""
        if self.take("not"):
            inner = self.deeper(self.negation)
            if inner.kind != BOOLEAN:
                raise self.wrong("`not` needs a condition")
            return Typed(~inner.expr, BOOLEAN)
        return self.comparison()

    def comparison(self) -> Typed:
        """Parse a comparison, `is null`, `between`, `in` or `like`."""
        left = self.sum()
        token = self.token
        if token.kind == "symbol" and token.text in _COMPARISONS:
            self.at += 1
            right = self.sum()
            if self.token.kind == "symbol" and self.token.text in _COMPARISONS:
                raise self.wrong("two comparisons in a row: join them with `and`")
            return compare(token.text, left, right, lambda what: self.wrong(what, token))
        if self.take("is"):
            negated = self.take("not")
            self.need("null")
            return Typed(left.expr.is_not_null() if negated else left.expr.is_null(), BOOLEAN)
        negated = self.take("not")
        if self.take("between"):
            result = self.between(left, token)
        elif self.take("in"):
            result = self.membership(left, token)
        elif self.token.word in {"like", "ilike"} and self.take("like", "ilike"):
            fold = self.tokens[self.at - 1].word == "ilike"
            result = like(left, self.string(), fold=fold, wrong=lambda w: self.wrong(w, token))
        elif negated:
            raise self.wrong("expected `between`, `in` or `like` after `not`")
        else:
            return left
        return Typed(~result.expr, BOOLEAN) if negated else result

    def between(self, value: Typed, token: Token) -> Typed:
        """Parse the bounds of `between`, both inclusive."""
        low = self.sum()
        self.need("and")
        high = self.sum()
        above = compare(">=", value, low, lambda what: self.wrong(what, token))
        below = compare("<=", value, high, lambda what: self.wrong(what, token))
        return Typed(above.expr & below.expr, BOOLEAN)

    def membership(self, value: Typed, token: Token) -> Typed:
        """Parse the list of `in`."""
        self.need("(")
        items = [self.sum()]
        while self.take(","):
            items.append(self.sum())
        self.need(")")
        return one_of(value, items, lambda what: self.wrong(what, token))

    def sum(self) -> Typed:
        """Parse additions and subtractions."""
        left = self.product()
        while self.token.kind == "symbol" and self.token.text in {"+", "-"}:
            sign = self.token
            self.at += 1
            left = arithmetic(sign.text, left, self.product(), lambda w: self.wrong(w, sign))  # noqa: B023 - called at once
        return left

    def product(self) -> Typed:
        """Parse multiplications, divisions and remainders."""
        left = self.unary()
        while self.token.kind == "symbol" and self.token.text in {"*", "/", "%"}:
            sign = self.token
            self.at += 1
            left = arithmetic(sign.text, left, self.unary(), lambda w: self.wrong(w, sign))  # noqa: B023 - called at once
        return left

    def unary(self) -> Typed:
        """Parse a sign."""
        sign = self.token
        if self.take("-"):
            return negative(self.deeper(self.unary), lambda what: self.wrong(what, sign))
        if self.take("+"):
            return self.deeper(self.unary)
        return self.atom()

    def atom(self) -> Typed:
        """Parse a number, a text, a column, a function or parentheses."""
        token = self.token
        self.at += 1
        if token.kind == "number":
            return literal(
                float(token.text) if not token.text.isdigit() else int(token.text), NUMBER
            )
        if token.kind == "text":
            return literal(token.text[1:-1].replace("''", "'"), TEXT)
        if token.text == "(":
            inner = self.deeper(self.disjunction)
            self.need(")")
            return inner
        if token.kind == "quoted":
            return self.column(token, token.text[1:-1])
        if token.kind == "name":
            return self.named(token)
        self.at -= 1
        raise self.wrong("the condition ends too early" if token.kind == "end" else
                         f"unexpected `{token.text}`")  # fmt: skip

    def named(self, token: Token) -> Typed:
        """Parse what begins with a word."""
        if token.word in {"true", "false"}:
            return literal(token.word == "true", BOOLEAN)
        if token.word in _WORDS:
            self.at -= 1
            raise self.wrong(f"unexpected `{token.text}`")
        if self.token.text == "(":
            return self.function(token)
        return self.column(token, token.text)

    def function(self, token: Token) -> Typed:
        """Parse the values of a function and apply it."""
        self.need("(")
        given = [self.deeper(self.disjunction)]
        while self.take(","):
            given.append(self.deeper(self.disjunction))
        self.need(")")
        return call(token.word, given, lambda what: self.wrong(what, token))

    def column(self, token: Token, name: str) -> Typed:
        """Return a column by name, capitals or not."""
        held = self.names.get(name.lower())
        if held is None:
            raise UnknownName.of(
                "column", name[:60], self.schema, hint=f"Known: {', '.join(self.schema)}."
            )
        self.used.append(held)
        kind = kind_of(self.schema[held])
        if kind is None:
            raise self.wrong(f"`{held}` cannot stand in a condition", token)
        return Typed(pl.col(held), kind)

    def string(self) -> str:
        """Parse a text in quotes."""
        token = self.token
        if token.kind != "text":
            raise self.wrong("expected a text in quotes, e.g. 'SB%'")
        self.at += 1
        return token.text[1:-1].replace("''", "'")

    def deeper(self, rule: Any) -> Typed:  # noqa: ANN401 - one of the methods above
        """Go one level down, bounded: `not not not ...` nests without parentheses."""
        self.level += 1
        if self.level > 2 * MAX_DEPTH:
            raise UsageError("the condition is nested too deeply")
        try:
            result: Typed = rule()
        finally:
            self.level -= 1
        return result

    # -- explain ------------------------------------------------------------------------------

    def keep(self, begin: int, typed: Typed, first: int) -> None:
        """Keep what was parsed since token `begin` as one clause."""
        self.add(begin, self.at, typed, self.used[first:])

    def add(self, begin: int, end: int, typed: Typed, used: list[str]) -> None:
        """Keep the tokens from `begin` to `end` as one clause."""
        start, stop = self.tokens[begin].at, self.tokens[end].at
        text = self.text[start:stop].strip()
        self.parts.append(Part(text, typed.expr, tuple(dict.fromkeys(used))))
