"""Who decides about colours: a flag, then NO_COLOR, then FORCE_COLOR (no-color.org)."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Cli

ESCAPE = "\x1b["


@pytest.mark.parametrize(
    ("env", "words", "coloured"),
    [(("1", "1"), (), False), (("0", "3"), (), False), (("", "1"), (), True),
     ((None, "1"), (), True), (("1", None), (), False), ((None, None), (), False),
     ((None, "1"), ("--no-color",), False)],
)  # fmt: skip
def test_no_colour_wins(
    env: tuple[str | None, str | None], words: tuple[str, ...], coloured: bool, cli: Cli,  # noqa: FBT001 - a table
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, value in zip(("NO_COLOR", "FORCE_COLOR"), env, strict=True):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    done = cli("scan", "equities", "--top", "5", *words)
    assert done.code == 0
    assert (ESCAPE in done.out) is coloured
