"""Lay defaults, files, environment and flags over each other, and remember who said what.

Precedence: flag, environment, project file `alphastock.toml`, user file, default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from alphastock_cli.config import reading
from alphastock_cli.config.reading import Table, read_toml
from alphastock_cli.config.settings import SavedScan, Settings, StrategySettings
from alphastock_cli.errors import ConfigError, nearest

PROJECT_FILE = "alphastock.toml"
_PREFIX = "ALPHASTOCK_"
_MANY = 2**31 - 1

# every scalar setting and how it is checked; also settable as ALPHASTOCK_<SECTION>_<KEY>
_TOP: dict[str, reading.Check] = {
    "data_dir": reading.text,
    "provider": reading.text,
    "plugins": reading.texts,
    "lock_wait": reading.positive,
}
_SECTIONS: dict[str, dict[str, reading.Check]] = {
    "sim": {"seed": reading.whole(0, _MANY), "universe": reading.whole(1, 5000)},
    "scan": {
        "universe": reading.text,
        "turnover_floor": reading.positive,
        "series": reading.symbols,
    },
    "symbols": {
        "equities": reading.symbols,
        "options": reading.symbols,
        "indices": reading.symbols,
        "commodities": reading.symbols,
        "futures": reading.symbols,
        "currencies": reading.symbols,
    },
}
_TABLES = ("strategies",)
# read elsewhere, or by a program that calls ours
_NOT_SETTINGS = frozenset({"ALPHASTOCK_CONFIG", "ALPHASTOCK_TEST_DATA"})


def load(*, flags: Mapping[str, Any], env: Mapping[str, str], cwd: Path) -> Settings:
    """Return the settings in force.

    Parameters
    ----------
    flags : mapping
        Shared options as given: ``data_dir``, ``provider``, ``config``.
    env : mapping
        The environment; only ``ALPHASTOCK_*`` is read.
    cwd : Path
        Where a project file `alphastock.toml` may lie.

    Raises
    ------
    ConfigError
        An unreadable file, an unknown key (the nearest known one is named), a wrong type.
    """
    settings = Settings(data_dir=_default_data_dir())
    origins: dict[str, str] = {}
    used: list[Path] = []
    for path, title, trusted in _files(flags, env, cwd):
        settings = _apply_file(settings, path, title, origins, trusted=trusted)
        used.append(path)
    settings, warnings = _apply_env(settings, env, origins)
    if "data_dir" in flags:
        settings = replace(settings, data_dir=Path(flags["data_dir"]))
        origins["data_dir"] = "flag --data-dir"
    if "provider" in flags:
        settings = replace(settings, provider=flags["provider"])
        origins["provider"] = "flag --provider"
    return replace(
        settings,
        data_dir=settings.data_dir.expanduser(),
        origins=MappingProxyType(origins),
        files=tuple(used),
        warnings=tuple(warnings),
    )


def paths(settings: Settings) -> list[dict[str, Any]]:
    """Return where configuration and data lie, and what exists."""
    places = [
        ("user configuration", user_file()),
        ("project configuration", Path(PROJECT_FILE).absolute()),
        ("data", settings.data_dir),
        ("lake", settings.data_dir / "lake"),
        ("simulated data", settings.data_dir / "sim" / str(settings.sim.seed)),
    ]
    known = {path for _, path in places}
    places += [("--config", path) for path in settings.files if path not in known]
    return [{"what": what, "path": str(path), "exists": path.exists()} for what, path in places]


def user_file() -> Path:
    """Return where the user's own configuration lies."""
    from platformdirs import user_config_path

    return user_config_path("alphastock", appauthor=False) / "config.toml"


def _default_data_dir() -> Path:
    from platformdirs import user_data_path

    return user_data_path("alphastock", appauthor=False)


def _files(
    flags: Mapping[str, Any], env: Mapping[str, str], cwd: Path
) -> list[tuple[Path, str, bool]]:
    """Return the files to read, weakest first: path, title, whether it may name plug-ins."""
    named = flags.get("config") or env.get("ALPHASTOCK_CONFIG")
    if named:
        return [(Path(named).expanduser(), "file", True)]
    user, project = user_file(), cwd / PROJECT_FILE
    found = [(user, "user file", True)] if user.is_file() else []
    return [*found, *([(project, "project file", False)] if project.is_file() else [])]


def _apply_file(
    settings: Settings, path: Path, title: str, origins: dict[str, str], *, trusted: bool
) -> Settings:
    whole = Table(read_toml(path), where=str(path))
    whole.check_keys([*_TOP, *_SECTIONS, *_TABLES])
    origin = f"{title} {path}"
    changes: dict[str, Any] = {}
    for key, check in _TOP.items():
        if key in whole.values:
            changes[key] = whole.take(key, check)
            origins[key] = origin
    if "plugins" in changes and not trusted:
        raise ConfigError(
            f"{path}: `plugins` may not stand in a project file: it would run code for whoever "
            "enters the folder",
            hint=f"Put it into {user_file()}, or give --plugin FILE.",
        )
    if "data_dir" in changes:
        changes["data_dir"] = path.parent / Path(changes["data_dir"]).expanduser()
    for section, checks in _SECTIONS.items():
        if section in whole.values:
            table = whole.table(section)
            extra = ["presets"] if section == "scan" else []
            table.check_keys([*checks, *extra])
            part = {k: table.take(k, check) for k, check in checks.items() if k in table.values}
            origins.update({f"{section}.{key}": origin for key in part})
            if "presets" in table.values:
                part["presets"] = _presets(table.table("presets"), settings.scan.presets)
                origins |= {f"scan.presets.{k}": origin for k in table.values["presets"]}
            changes[section] = replace(getattr(settings, section), **part)
    if "strategies" in whole.values:
        table = whole.table("strategies")
        changes["strategies"] = _strategies(table, settings.strategies)
        origins |= {f"strategies.{name}": origin for name in table.values}
    return replace(settings, **changes)


def _presets(table: Table, held: Mapping[str, SavedScan]) -> Mapping[str, SavedScan]:
    checks = {"where": reading.text, "sort": reading.text, "top": reading.whole(1, _MANY)}
    found = dict(held)
    for name, part in _tables(table, checks):
        if "where" not in part:
            raise ConfigError(f"{table.where}: `{table.prefix}{name}` needs a `where`")
        found[name] = SavedScan(**part)
    return MappingProxyType(found)


def _strategies(
    table: Table, held: Mapping[str, StrategySettings]
) -> Mapping[str, StrategySettings]:
    checks: dict[str, reading.Check] = {
        "enabled": reading.boolean,
        "symbols": reading.symbols,
        "supported_asset_types": reading.texts,
        "parameters": _mapping,
    }
    found = dict(held)
    found |= {name: StrategySettings(**part) for name, part in _tables(table, checks)}
    return MappingProxyType(found)


def _tables(table: Table, checks: dict[str, reading.Check]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for name in table.values:
        part = table.table(name)
        part.check_keys(checks)
        found.append((name, {key: part.take(key, checks[key]) for key in part.values}))
    return found


def _mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as read
    if not isinstance(value, dict):
        raise reading.WrongValueError(f"must be a table, not {reading.kind(value)}")
    return MappingProxyType(value)


def _apply_env(
    settings: Settings, env: Mapping[str, str], origins: dict[str, str]
) -> tuple[Settings, list[str]]:
    """Read ``ALPHASTOCK_<KEY>`` and ``ALPHASTOCK_<SECTION>_<KEY>``; an unknown one is a warning."""
    known = _variables()
    warnings = []
    for name in sorted(env):
        if not name.startswith(_PREFIX) or name in _NOT_SETTINGS or not env[name]:
            continue
        if name not in known:
            near = nearest(name, known)
            guess = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"{name} in the environment is not a setting{guess}")
            continue
        section, key, check = known[name]
        table = Table({key: env[name]}, where=name, prefix=f"{section}." if section else "")
        value = table.take(key, check)
        if key == "data_dir":
            value = Path(value)
        dotted = f"{section}.{key}" if section else key
        origins[dotted] = f"environment {name}"
        if section:
            value = replace(getattr(settings, section), **{key: value})
        settings = replace(settings, **{section or key: value})
    return settings, warnings


def _variables() -> dict[str, tuple[str, str, Callable[[Any], Any]]]:
    found = {f"{_PREFIX}{key.upper()}": ("", key, check) for key, check in _TOP.items()}
    for section, checks in _SECTIONS.items():
        for key, check in checks.items():
            found[f"{_PREFIX}{section.upper()}_{key.upper()}"] = (section, key, check)
    return found
