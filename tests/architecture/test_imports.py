"""What must not be loaded, and which way imports point."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import alphastock_cli
from alphastock_cli.registry import PROVIDERS, RUNNERS, STRATEGIES

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("polars", "numpy", "scipy", "kiteconnect", "textual", "pydantic", "pandas", "rich")

PROBE = """
import sys
from alphastock_cli.cli.app import main
code = main({words!r})
heavy = [m for m in {heavy!r} if m in sys.modules]
print("LOADED", code, heavy, file=sys.stderr)
"""


def loaded_by(*words: str) -> tuple[int, str]:
    probe = PROBE.format(words=list(words), heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False, cwd=ROOT
    )
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("LOADED"), done.stderr
    _, code, names = line.split(" ", 2)
    return int(code), names


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["scan", "--help"], 0),
        (["scan", "equities", "--help"], 0),
        (["fetch", "eod", "--help"], 0),
        (["scan", "equities", "--no-such-option"], 2),
        (["nosuch"], 2),
        (["contract", "NIFTY", "--on", "yesterday"], 2),
    ],
)
def test_help_and_usage_errors_load_nothing_heavy(words: list[str], code: int) -> None:
    assert loaded_by(*words) == (code, "[]")


def test_listing_plugins_imports_none() -> None:
    probe = (
        "import sys\nfrom alphastock_cli.registry import PROVIDERS, RUNNERS, STRATEGIES\n"
        "print(RUNNERS.names(), PROVIDERS.names(), STRATEGIES.names())\n"
        "print([m for m in sys.modules if m.startswith('alphastock_cli.') "
        "and m.split('.')[1] in ('runners', 'providers', 'strategies')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT
    )
    first, second = done.stdout.splitlines()
    assert "equities" in first
    assert "'lake', 'nse', 'replay', 'sim'" in first
    assert second == "[]"


def test_the_public_door_opens_to_what_it_names() -> None:
    for name in alphastock_cli.__all__:
        assert getattr(alphastock_cli, name) is not None
    assert set(dir(alphastock_cli)) == set(alphastock_cli.__all__)


def test_layers_hold() -> None:
    command = Path(sys.executable).parent / "lint-imports"
    if not command.exists():
        pytest.skip("import-linter is not installed (extra `lint`)")
    done = subprocess.run([str(command)], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_every_plugin_name_is_documented() -> None:
    text = (ROOT / "docs" / "extending.md").read_text()
    for registry in (RUNNERS, STRATEGIES, PROVIDERS):
        for name in registry._builtin():  # other tests may have loaded plug-ins of their own
            assert f"`{name}`" in text, f"{registry.kind} {name} is missing in docs/extending.md"
