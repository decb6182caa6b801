"""Write the real output of each `console` block of README.md; a test compares."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "README.md"
BLOCK = re.compile(r"```console\n\$ alphastock ([^\n]*)\n(.*?)```", re.DOTALL)


def output(words: str) -> str:
    """Return what a command prints at 80 columns, blank lines and line ends trimmed."""
    with tempfile.TemporaryDirectory() as home:
        env = {
            "PATH": os.environ["PATH"], "HOME": home, "ALPHASTOCK_DATA_DIR": f"{home}/data",
            "COLUMNS": "80", "NO_COLOR": "1", "LANG": "C.UTF-8",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "alphastock_cli", *shlex.split(words)],
            capture_output=True, text=True, check=True, cwd=ROOT, env=env,
        )  # fmt: skip
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join(line for line in lines if line) + "\n"


def document() -> str:
    """Return the README with every block's output as it is now."""

    def block(found: re.Match[str]) -> str:
        return f"```console\n$ alphastock {found[1]}\n{output(found[1])}```"

    return BLOCK.sub(block, TARGET.read_text())


def main() -> None:
    TARGET.write_text(document())


if __name__ == "__main__":
    main()
