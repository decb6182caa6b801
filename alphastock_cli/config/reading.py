"""Turn the tables of a TOML file into checked values; every complaint names file and key."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from alphastock_cli.errors import ConfigError, nearest

MAX_BYTES = 1 << 20
Check = Callable[[Any], Any]


class WrongValueError(ValueError):
    """What is wrong with a value; `Table` adds file and key."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises
    ------
    ConfigError
        The file cannot be read, is too large, is no UTF-8, or breaks the syntax (line, column).
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_BYTES} bytes: not a configuration")
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", hint="Check the path and its permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start})") from error
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError(f"{path}: {why}", hint="See examples/alphastock.toml.") from None


class Table:
    """One table of a file, taken apart key by key; what is left over is an error."""

    def __init__(self, values: Mapping[str, Any], *, where: str, prefix: str = "") -> None:
        if not isinstance(values, Mapping):
            raise ConfigError(f"{where}: `{prefix.rstrip('.')}` must be a table")
        self.values = values
        self.where = where
        self.prefix = prefix

    def check_keys(self, known: Mapping[str, object] | list[str]) -> None:
        """Refuse keys nobody knows, naming the nearest known one."""
        for key in self.values:
            if key not in known:
                near = nearest(key, known)
                guess = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(known)}."
                raise ConfigError(f"{self.where}: unknown key `{self.prefix}{key}`", hint=guess)

    def take(self, key: str, check: Check) -> Any:  # noqa: ANN401 - the check decides
        """Return the checked value of `key`."""
        try:
            return check(self.values[key])
        except WrongValueError as error:
            raise ConfigError(f"{self.where}: `{self.prefix}{key}` {error}") from None

    def table(self, key: str) -> Table:
        """Return the table below `key`."""
        return Table(self.values[key], where=self.where, prefix=f"{self.prefix}{key}.")


def text(value: Any) -> str:  # noqa: ANN401 - as read
    """Accept text."""
    if not isinstance(value, str):
        raise WrongValueError(f"must be text, not {kind(value)}")
    return value


def boolean(value: Any) -> bool:  # noqa: ANN401 - as read
    """Accept true or false; from the environment also 1, 0, yes, no."""
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if not isinstance(value, bool):
        raise WrongValueError(f"must be true or false, not {kind(value)}")
    return value


def whole(low: int, high: int) -> Check:
    """Return a check for a whole number from `low` to `high`."""

    def check(value: Any) -> int:  # noqa: ANN401 - as read
        number = value
        if isinstance(value, str):
            try:
                number = int(value)
            except ValueError:
                number = value
        if isinstance(number, bool) or not isinstance(number, int):
            raise WrongValueError(f"must be a whole number, not {kind(value)}")
        if not low <= number <= high:
            raise WrongValueError(f"must be from {low} to {high}, not {number}")
        return number

    return check


def positive(value: Any) -> float:  # noqa: ANN401 - as read
    """Accept a finite number from 0 up."""
    number = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise WrongValueError(f"must be a number, not {kind(value)}")
    if not math.isfinite(number) or number < 0:
        raise WrongValueError(f"must be a finite number from 0 up, not {number}")
    return float(number)


def texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - as read
    """Accept a list of texts; from the environment, words divided by commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WrongValueError(f"must be a list of texts, not {kind(value)}")
    return tuple(value)


def symbols(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - as read
    """Accept a list of symbols, upper-cased."""
    return tuple(item.strip().upper() for item in texts(value))


def kind(value: object) -> str:
    """Name the type of a value in TOML's own words."""
    names: dict[type, str] = {
        str: "text", bool: "true or false", int: "a whole number", float: "a number",
        list: "a list", dict: "a table",
    }  # fmt: skip
    return names.get(type(value), "a date or time")
