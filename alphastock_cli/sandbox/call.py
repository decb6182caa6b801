"""One REST call as a value: method, path, words and body, whatever carried it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from alphastock_cli.sandbox import figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One REST call, taken apart."""

    method: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> dict[str, str]:
        """The query, of a repeated word the last."""
        return {key: values[-1] for key, values in self.query.items()}

    def json(self) -> Any:  # noqa: ANN401 - whatever the caller sent
        """Return the body as JSON.

        Raises
        ------
        CallError
            It is none.
        """
        return figures.parse_json(self.body, "the body")

    @classmethod
    def of(
        cls, method: str, path: str, query: str = "", body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Call:  # fmt: skip
        """Take a request apart; header names in lower case."""
        heads = {name.lower(): value for name, value in (headers or {}).items()}
        form: dict[str, str] = {}
        if "json" not in heads.get("content-type", ""):
            form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        return cls(
            method=method, path=path, query=parse_qs(query, keep_blank_values=True), form=form,
            body=body, headers=heads,
        )  # fmt: skip
