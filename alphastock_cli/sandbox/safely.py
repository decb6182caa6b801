"""What nobody foresaw: told once, in one line on standard error, and nothing else stops for it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

_LOG = logging.getLogger("alphastock.sandbox")  # nobody handles it: it goes to standard error
_LONGEST = 120


def tell(what: str, error: BaseException) -> None:
    """Write one line about an error: of what, which one, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "?"
    _LOG.error("%s: %s (%s) at %s", _line(what), type(error).__name__, _line(str(error)), where)


def safely(what: str, do: Callable[[], object]) -> bool:
    """Do something that must not stop what comes after it; tell whether it went well."""
    try:
        do()
    except Exception as error:  # noqa: BLE001 - told, and the others go on
        tell(what, error)
        return False
    return True


def _line(text: str) -> str:
    """Return a text that cannot leave its line."""
    kept = "".join(each if each.isprintable() else " " for each in text[:_LONGEST])
    return kept if len(text) <= _LONGEST else f"{kept}..."
