"""Documents that can fail the build."""

from __future__ import annotations

from pathlib import Path

from tests.architecture import cli_docs, readme

ROOT = Path(__file__).resolve().parents[2]


def test_cli_page_equals_the_help() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == cli_docs.document(), "run `make docs`"


def test_readme_shows_what_the_commands_print() -> None:
    assert (ROOT / "README.md").read_text() == readme.document(), "run `make docs`"


def test_readme_shows_real_output() -> None:
    blocks = readme.BLOCK.findall((ROOT / "README.md").read_text())
    assert sum(len(text.splitlines()) for _, text in blocks) >= 20
