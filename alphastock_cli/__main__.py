"""The door of the command line: `alphastock` and `python -m alphastock_cli`."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from pathlib import Path


def entry() -> None:
    """Run the command line and exit with its code."""
    # a command makes many objects while it imports and throws none away: looking for garbage
    # there costs a tenth of the start-up time
    gc.set_threshold(100_000, 50, 50)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who began the process: nobody wants to read it
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    from alphastock_cli.cli import app

    try:
        code = app.main()
    finally:
        gc.freeze()  # nor is there anything to find while the interpreter ends: as much again
    _leave(code)


def _leave(code: int) -> None:
    """End the process without taking its modules apart one by one, which costs as much again.

    What was registered for the end is done and the streams are flushed. With a thread left, or a
    stream that cannot be written, the interpreter ends as it always does.
    """
    if threading.active_count() == 1:
        atexit._run_exitfuncs()  # noqa: SLF001 - there is no public name; it forgets what it has run
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
        except (OSError, ValueError):
            sys.exit(code)
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    entry()
