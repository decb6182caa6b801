"""Documents that can fail the build."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_cli_page_equals_the_help() -> None:
    spec = importlib.util.spec_from_file_location("cli_docs", Path(__file__).parent / "cli_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "cli.md").read_text() == module.document(), "run `make docs`"
