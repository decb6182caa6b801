"""The grammar of the `--where` language: recursive descent, one method a level of binding.

Tokens in, one typed expression out, and the clauses that a top-level `and` joins. The language
itself is described in `docs/conventions.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from alphastock_cli.analytics import functions, typed
from alphastock_cli.analytics.tokens import MAX_DEPTH, Token, tokenise, trouble
from alphastock_cli.analytics.typed import BOOLEAN, NUMBER, TEXT, Part, Typed, Wrong
from alphastock_cli.errors import UnknownName, UsageError

_COMPARISONS = frozenset({"=", "==", "!=", "<>", "<", "<=", ">", ">="})
_WORDS = frozenset({"and", "or", "not", "between", "in", "like", "ilike", "is"})


class Parser:
    """Recursive descent, one method a level of binding; the token list bounds the depth."""

    def __init__(self, text: str, schema: Mapping[str, Any]) -> None:
        self.text = text
        self.schema = schema
        self.names = {name.lower(): name for name in schema}
        self.tokens = tokenise(text)
        self.at = 0
        self.used: list[str] = []
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

    def wrong_at(self, token: Token) -> Wrong:
        """Return what makes an error that points at `token`."""
        return lambda what: self.wrong(what, token)

    # -- the grammar --------------------------------------------------------------------------

    def condition(self) -> Typed:
        """Parse the whole text; its `parts` are the clauses that `and` joins, for `explain`."""
        if self.token.kind == "end":
            raise UsageError("the condition is empty", hint="Leave --where out, or give one.")
        whole = self.disjunction()
        if self.token.kind != "end":
            raise self.wrong(f"unexpected `{self.token.text}`")
        if whole.kind != BOOLEAN:
            raise UsageError(
                f"`{self.text.strip()[:80]}` is {whole.said}, not a condition",
                hint='Compare it, e.g. "rsi < 30".',
            )
        if whole.parts:
            return whole
        return replace(whole, parts=(Part(self.text.strip(), whole.expr, unique(self.used)),))

    def disjunction(self) -> Typed:
        """Parse conditions joined by `or`."""
        left = self.conjunction()
        while True:
            token = self.token
            if not self.take("or"):
                return left
            left = typed.logical(left, self.conjunction(), "or", self.wrong_at(token))

    def conjunction(self) -> Typed:
        """Parse conditions joined by `and` and keep each of them as a clause."""
        left, parts = self.clause()
        joined = False
        while True:
            token = self.token
            if not self.take("and"):
                break
            right, more = self.clause()
            left = typed.logical(left, right, "and", self.wrong_at(token))
            parts += more
            joined = True
        return replace(left, parts=parts) if joined else left

    def clause(self) -> tuple[Typed, tuple[Part, ...]]:
        """Parse one side of an `and`; what parentheses join by `and` counts as its clauses."""
        begin, seen = self.token.at, len(self.used)
        value = self.negation()
        text = self.text[begin : self.token.at].strip()
        return value, value.parts or (Part(text, value.expr, unique(self.used[seen:])),)

    def negation(self) -> Typed:
        """Parse `not` and what it denies."""
        token = self.token
        if self.take("not"):
            return typed.negation(self.deeper(self.negation), self.wrong_at(token))
        return self.comparison()

    def comparison(self) -> Typed:
        """Parse a comparison, `is null`, `between`, `in` or `like`."""
        left = self.sum()
        token = self.token
        wrong = self.wrong_at(token)
        if token.kind == "symbol" and token.text in _COMPARISONS:
            self.at += 1
            right = self.sum()
            if self.token.kind == "symbol" and self.token.text in _COMPARISONS:
                raise self.wrong("two comparisons in a row: join them with `and`")
            return typed.compare(token.text, left, right, wrong)
        if self.take("is"):
            negated = self.take("not")
            self.need("null")
            result = typed.is_null(left)
        else:
            negated = self.take("not")
            found = self.range_list_or_pattern(left, wrong)
            if found is None and negated:
                raise self.wrong("expected `between`, `in` or `like` after `not`")
            if found is None:
                return left
            result = found
        return typed.negation(result, wrong) if negated else result

    def range_list_or_pattern(self, value: Typed, wrong: Wrong) -> Typed | None:
        """Parse what may follow a value with or without `not`; None where nothing does."""
        if self.take("between"):
            low = self.sum()
            self.need("and")
            return typed.between(value, low, self.sum(), wrong)
        if self.take("in"):
            self.need("(")
            items = [self.sum()]
            while self.take(","):
                items.append(self.sum())
            self.need(")")
            return typed.one_of(value, items, wrong)
        fold = self.token.word == "ilike"
        if self.take("like", "ilike"):
            return typed.like(value, self.string(), fold=fold, wrong=wrong)
        return None

    def sum(self) -> Typed:
        """Parse additions and subtractions."""
        left = self.product()
        while self.token.kind == "symbol" and self.token.text in {"+", "-"}:
            sign = self.token
            self.at += 1
            left = typed.arithmetic(sign.text, left, self.product(), self.wrong_at(sign))
        return left

    def product(self) -> Typed:
        """Parse multiplications, divisions and remainders."""
        left = self.unary()
        while self.token.kind == "symbol" and self.token.text in {"*", "/", "%"}:
            sign = self.token
            self.at += 1
            left = typed.arithmetic(sign.text, left, self.unary(), self.wrong_at(sign))
        return left

    def unary(self) -> Typed:
        """Parse a sign."""
        sign = self.token
        if self.take("-"):
            return typed.negative(self.deeper(self.unary), self.wrong_at(sign))
        if self.take("+"):
            return typed.as_number(self.deeper(self.unary), "+", self.wrong_at(sign))
        return self.atom()

    def atom(self) -> Typed:
        """Parse a number, a text, a column, a function or parentheses."""
        token = self.token
        self.at += 1
        if token.kind == "number":
            number = int(token.text) if token.text.isdigit() else float(token.text)
            return typed.literal(number, NUMBER, self.wrong_at(token))
        if token.kind == "text":
            return typed.literal(token.text[1:-1].replace("''", "'"), TEXT, self.wrong_at(token))
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
            return typed.literal(token.word == "true", BOOLEAN, self.wrong_at(token))
        if token.word == "null":
            return typed.null()
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
        return functions.call(token.word, given, self.wrong_at(token))

    def column(self, token: Token, name: str) -> Typed:
        """Return a column by name, capitals or not."""
        held = self.names.get(name.lower())
        if held is None:
            raise UnknownName.of(
                "column", name[:60], self.schema, hint=f"Known: {', '.join(self.schema)}."
            )
        self.used.append(held)
        found = typed.column(held, self.schema[held])
        if found is None:
            raise self.wrong(f"`{held}` cannot stand in a condition", token)
        return found

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


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return `names`, each once, in their order."""
    return tuple(dict.fromkeys(names))
