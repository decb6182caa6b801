"""How much memory this process has held at most since a moment."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak() -> float:
    """Forget the peak where the system can, and return the megabytes held now."""
    with contextlib.suppress(OSError):
        _FORGET.write_text("5")
    return peak_mb()


def peak_mb() -> float:
    """Return the most megabytes held since the peak was forgotten, else since the start."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
