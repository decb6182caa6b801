"""Rivals live in environments of their own: run one of their interpreters and read its answer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def elsewhere(python: Path, words: Sequence[str]) -> Any:
    """Return the JSON that the interpreter prints, or None where the rival is not installed.

    Raises
    ------
    RuntimeError
        It ended with an error other than a missing module.
    """
    if not python.is_file():
        return None
    done = subprocess.run([str(python), *words], capture_output=True, check=False)
    if done.returncode:
        if b"ModuleNotFoundError" in done.stderr:
            return None
        raise RuntimeError(done.stderr.decode()[-500:])
    return json.loads(done.stdout)
