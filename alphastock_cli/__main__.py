"""The door of the command line: `alphastock` and `python -m alphastock_cli`."""

from __future__ import annotations

import gc


def entry() -> None:
    """Run the command line and exit with its code."""
    # a command makes many objects while it imports and throws none away: looking for garbage
    # there costs a tenth of the start-up time
    gc.set_threshold(100_000, 50, 50)
    from alphastock_cli.cli import app

    try:
        app.entry()
    finally:
        gc.freeze()  # nor is there anything to find while the interpreter ends: as much again


if __name__ == "__main__":
    entry()
