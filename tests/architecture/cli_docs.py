"""Write `docs/cli.md` from the help of every command; `make docs` runs it, a test compares."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "cli.md"
HEAD = """# Command line

Generated from the help of the commands by `make docs`; a test compares it. Options may stand before
or after the command; the later one wins.

Exit codes: 0 done (also "nothing to do" under `--if-…`), 1 a defect, 2 usage or configuration,
3 nothing found (only with `--fail-empty`), 4 login needed, 5 provider unreachable or its answer
unusable, 6 refused by a rule, 7 market closed, 8 local data damaged or stale, 9 disk or permission,
11 another run holds the lock, 75 partly done, 130 interrupted.
"""

WALK = """
import typer.main
from alphastock_cli.cli.app import build
def walk(command, path):
    yield path
    for name in sorted(getattr(command, "commands", {})):
        yield from walk(command.commands[name], [*path, name])
for path in walk(typer.main.get_command(build()), []):
    print(" ".join(path))
"""


def run(*words: str) -> str:
    env = {**os.environ, "COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1"}
    env.pop("FORCE_COLOR", None)
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=True, cwd=ROOT, env=env
    )
    return done.stdout


def document() -> str:
    """Return the text that belongs into docs/cli.md."""
    parts = [HEAD]
    for line in run("-c", WALK).split("\n")[:-1]:
        words = line.split()
        shown = run("-m", "alphastock_cli", *words, "--help").rstrip()
        title = " ".join(["alphastock", *words])
        parts.append(f"## `{title}`\n\n```text\n{shown}\n```\n")
    return "\n".join(parts)


def main() -> None:
    TARGET.write_text(document())


if __name__ == "__main__":
    main()
