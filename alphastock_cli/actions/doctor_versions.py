"""Do the installed packages fit what alphastock asks for: from their metadata, importing none.

The rules of version numbers are those of PEP 440 as far as they are used in our own requirements:
releases compared number by number; a release candidate counts as its release.
"""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, metadata, requires, version

_OWN = "alphastock"
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;()]*)\)?")
_CLAUSE = re.compile(r"(>=|<=|==|!=|>|<|~=)\s*([0-9][0-9A-Za-z.+*-]*)")
_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)")


def python() -> tuple[str, str]:
    """Return what runs, e.g. ``3.11.9 on Linux``, and what is wrong with it (or "")."""
    held = platform.python_version()
    try:
        wanted = metadata(_OWN)["Requires-Python"] or ""
    except PackageNotFoundError:
        wanted = ""
    wrong = "" if fits(held, wanted) else f"Python {held}, needs {wanted}"
    return f"{held} on {platform.system()} {platform.machine()}", wrong


def packages() -> tuple[list[str], list[str]]:
    """Return the installed packages we need with their versions, and what is wrong with them."""
    try:
        lines = requires(_OWN) or []
        held = [f"{_OWN} {version(_OWN)}"]
    except PackageNotFoundError:
        return [], [f"{_OWN} is not installed, so its requirements are not known"]
    wrong = []
    for line in lines:
        found = _REQUIREMENT.match(line)
        if found is None or "extra ==" in line:
            continue
        name, wanted = found[1], found[2].strip()
        try:
            has = version(name)
        except PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        held.append(f"{name} {has}")
        if not fits(has, wanted):
            wrong.append(f"{name} {has}, needs {wanted}")
    return held, wrong


def fits(held: str, wanted: str) -> bool:
    """Tell whether a version meets a requirement such as ``>=1.33,<3``; "" is met by all.

    >>> fits("2.10.0", ">=2.9,<3")
    True
    """
    has = _release(held)
    for sign, text in _CLAUSE.findall(wanted):
        bound = _release(text)
        size = max(len(has), len(bound))
        left, right = has + (0,) * (size - len(has)), bound + (0,) * (size - len(bound))
        if sign == "~=":
            met = left >= right and has[: len(bound) - 1] == bound[:-1]
        elif text.endswith(".*"):
            same = has[: len(bound)] == bound
            met = same if sign == "==" else not same
        else:
            met = {">=": left >= right, "<=": left <= right, "==": left == right,
                   "!=": left != right, ">": left > right, "<": left < right}[sign]  # fmt: skip
        if not met:
            return False
    return True


def _release(text: str) -> tuple[int, ...]:
    found = _RELEASE.match(text)
    return tuple(int(part) for part in found[1].split(".")) if found else ()
