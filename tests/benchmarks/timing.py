"""Time processes side by side: interleaved, so that a busy minute hurts every side alike."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

BIN = Path(sys.executable).parent
PYTHON = str(BIN / "python")
ALPHASTOCK = str(BIN / "alphastock")
Row = dict[str, Any]


def processes(
    commands: Mapping[str, Sequence[str]],
    *,
    repeats: int,
    env: Mapping[str, str] | None = None,
    codes: Sequence[int] = (0, 2),
) -> dict[str, float]:
    """Return the median wall seconds of each command, exec to exit, after one run to warm up."""
    full = {**os.environ, **(env or {})}
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(repeats + 1):
        for name, words in commands.items():
            began = time.perf_counter()
            done = subprocess.run(words, capture_output=True, check=False, env=full)
            took = time.perf_counter() - began
            if done.returncode not in codes:
                raise RuntimeError(f"{name} failed: {done.stderr.decode()[-500:]}")
            if turn:
                seconds[name].append(took)
    return {name: median(values) for name, values in seconds.items()}


def call(work: Callable[[], object], *, repeats: int) -> float:
    """Return the median wall seconds of `work`, after one call to warm up."""
    work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def row(name: str, ours: float, reference: float, *, must: float, against: str) -> Row:
    """Return one line of the report; `must` is the largest ratio ours / reference allowed."""
    return {
        "name": name,
        "ours_s": ours,
        "reference_s": reference,
        "ratio": ours / reference,
        "must": f"<= {must}",
        "note": against,
    }
