"""Turn the tables of a TOML file into checked values; every complaint names file, line and key.

Which keys there are is the business of `load.py`; what they mean, of whoever uses them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import ConfigError, nearest

MAX_BYTES = 1 << 20
_MAX_SEARCHED = (400, 20_000)  # lines, characters; a longer file is named without its line
_SPOT = re.compile(r"\s*\(at line (\d+), column (\d+)\)$")


class WrongValueError(ValueError):
    """What is wrong with a value; `Table` adds file and key."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting may be: `check` for a value of TOML, `parse` for the text of a variable."""

    check: Callable[[Any], Any]
    parse: Callable[[str], Any] = str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value stands, for a message: a file with its text, or a variable."""

    title: str
    text: str = ""

    def at(self, *path: str) -> str:
        """Return ``FILE:LINE`` of the statement that sets the key, else ``FILE``.

        The line is found by reading ever more of the file, so that it cannot be a wrong one.
        """
        import tomllib

        lines = self.text.split("\n")  # as TOML does: other separators may stand inside a text
        if not path or len(lines) > _MAX_SEARCHED[0] or len(self.text) > _MAX_SEARCHED[1]:
            return self.title
        whole = 0  # lines that are complete statements
        for count in range(1, len(lines) + 1):
            try:
                values: Any = tomllib.loads("\n".join(lines[:count]))
            except (ValueError, RecursionError):
                continue
            for key in path:
                values = values.get(key) if isinstance(values, dict) else None
            if values is not None:
                return f"{self.title}:{whole + 1}"
            whole = count
        return self.title


def read_capped(path: Path) -> bytes:
    """Return the bytes of a small file; never more than `MAX_BYTES` of anything are read.

    Raises
    ------
    ConfigError
        It cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            f"{path} cannot be read: {why}", hint="Check the path and its permissions."
        ) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"{path} is larger than 1 MiB: not a configuration", hint="Name another file."
        )
    return data


def read_toml(path: Path) -> Table:
    """Return the tables of a TOML file.

    Raises
    ------
    ConfigError
        The file cannot be read, is too large, is no UTF-8, or breaks the syntax (line, column).
    """
    try:
        text = read_capped(path).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 text (byte {error.start})", hint="Save it as UTF-8."
        ) from None
    return parse_toml(text, title=str(path))


def parse_toml(text: str, *, title: str) -> Table:
    """Return the tables of TOML text; errors as for `read_toml`."""
    import tomllib  # only where there is a file

    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        spot = _SPOT.search(why)
        place = f"{title}:{spot[1]}:{spot[2]}" if spot else title
        raise ConfigError(
            f"{place}: {_SPOT.sub('', why)}", hint="See examples/alphastock.toml."
        ) from None
    return Table(values, source=Source(title, text))


class Table:
    """One table of a file, taken apart key by key; what nobody knows is an error."""

    def __init__(self, values: Any, *, source: Source, path: tuple[str, ...] = ()) -> None:  # noqa: ANN401 - as read
        if not isinstance(values, Mapping):
            name = ".".join(path)
            raise ConfigError(
                f"{source.at(*path)}: `{name}` must be a table, not {kind_of(values)}",
                hint=f"Write [{name}] on a line of its own and the settings below it.",
            )
        self.values = values
        self.source = source
        self.path = path

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def check_keys(self, known: Iterable[str]) -> None:
        """Refuse keys nobody knows, naming the nearest known one."""
        names = list(known)
        for key in self.values:
            if key not in names:
                near = nearest(key, names)
                guess = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(names)}."
                name = ".".join((*self.path, key))
                place = self.source.at(*self.path, key)
                raise ConfigError(f"{place}: unknown key `{name}`", hint=guess)

    def take(self, key: str, kind: Kind) -> Any:  # noqa: ANN401 - the kind decides
        """Return the checked value of `key`."""
        try:
            return kind.check(self.values[key])
        except WrongValueError as error:
            raise self.complaint(key, str(error)) from None

    def table(self, key: str) -> Table:
        """Return the table below `key`."""
        return Table(self.values[key], source=self.source, path=(*self.path, key))

    def complaint(self, key: str, why: str, *, hint: str = "") -> ConfigError:
        """Return the error that names file, line and key."""
        path = (*self.path, key)
        return ConfigError(f"{self.source.at(*path)}: `{'.'.join(path)}` {why}", hint=hint)


# -- kinds of values ------------------------------------------------------------------------------


def whole(low: int, high: int) -> Kind:
    """Return the kind of a whole number from `low` to `high`."""

    def check(value: Any) -> int:  # noqa: ANN401 - as read
        if isinstance(value, bool) or not isinstance(value, int):
            raise WrongValueError(f"must be a whole number, not {kind_of(value)}")
        if not low <= value <= high:
            shown = str(value) if abs(value) < 10**20 else "a longer one"
            raise WrongValueError(f"must be from {low} to {high}, not {shown}")
        return value

    return Kind(check, lambda text: _number(int, text))


def word(*known: str) -> Kind:
    """Return the kind of a text that is one of `known`."""

    def check(value: Any) -> str:  # noqa: ANN401 - as read
        if _text(value) not in known:
            raise WrongValueError(f"must be one of {', '.join(known)}, not {value[:40]!r}")
        return str(value)

    return Kind(check)


def _rate(value: Any) -> float:  # noqa: ANN401 - as read
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongValueError(f"must be a number, not {kind_of(value)}")
    if not -1 <= value <= 1:  # nan is neither
        raise WrongValueError(f"must be a rate a year from -1 to 1 (6.5 % is 0.065), not {value}")
    return float(value)


def _text(value: Any) -> str:  # noqa: ANN401 - as read
    if not isinstance(value, str):
        raise WrongValueError(f"must be text, not {kind_of(value)}")
    return value


def _path(value: Any) -> str:  # noqa: ANN401 - as read
    text = _text(value)
    if not text.strip() or "\x00" in text:
        raise WrongValueError("must be a path, not empty")
    return text


def _boolean(value: Any) -> bool:  # noqa: ANN401 - as read
    if not isinstance(value, bool):
        raise WrongValueError(f"must be true or false, not {kind_of(value)}")
    return value


def _positive(value: Any) -> float:  # noqa: ANN401 - as read
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongValueError(f"must be a number, not {kind_of(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or number < 0:
        raise WrongValueError(f"must be a finite number from 0 up, not {number}")
    return number


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - as read
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WrongValueError(f"must be a list of texts, not {kind_of(value)}")
    return tuple(value)


def _paths(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - as read
    return tuple(_path(item) for item in _texts(value))


def _symbols(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - as read
    found = tuple(item.strip().upper() for item in _texts(value))
    if "" in found:
        raise WrongValueError("holds an empty symbol")
    return found


def _asset_types(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - as read
    from alphastock_cli.domain.instrument import AssetType

    known = [item.value for item in AssetType]
    found = tuple(item.strip().lower() for item in _texts(value))
    for word in found:
        if word not in known:
            raise WrongValueError(f"holds {word[:40]!r}, which is none of {', '.join(known)}")
    return found


def _mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as read
    if not isinstance(value, dict):
        raise WrongValueError(f"must be a table, not {kind_of(value)}")
    if not _finite(value):
        raise WrongValueError("holds nan or inf, which no parameter can be")
    return value


def _finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(_finite(item) for item in value.values())
    if isinstance(value, list):
        return all(_finite(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)


def _number(make: Callable[[str], Any], text: str) -> Any:  # noqa: ANN401 - a number, or the text
    """Return the number of a variable; the text itself where it is none, for `check` to refuse."""
    try:
        return make(text)
    except ValueError:
        return text


def _divided(text: str) -> list[str]:
    """Return the words of a variable, divided by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


TEXT = Kind(_text)
PATH = Kind(_path)
BOOLEAN = Kind(_boolean, lambda text: {"true": True, "false": False}.get(text.lower(), text))
POSITIVE = Kind(_positive, lambda text: _number(float, text))
RATE = Kind(_rate, lambda text: _number(float, text))
PATHS = Kind(_paths, _divided)
SYMBOLS = Kind(_symbols, _divided)
ASSET_TYPES = Kind(_asset_types, _divided)
MAPPING = Kind(_mapping)


def kind_of(value: object) -> str:
    """Name the type of a value in TOML's own words."""
    names: dict[type, str] = {
        str: "text", bool: "true or false", int: "a whole number", float: "a number",
        list: "a list", dict: "a table",
    }  # fmt: skip
    return names.get(type(value), "a date or time")
