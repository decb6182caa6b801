"""Lay defaults, files, environment and flags over each other, and remember who said what.

Precedence: flag, environment, project file `alphastock.toml`, user file, default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from alphastock_cli.config import keys, reading
from alphastock_cli.config import kite_addresses as kite
from alphastock_cli.config.addresses import refuse_foreign
from alphastock_cli.config.reading import Kind, Source, Table, WrongValueError, read_toml
from alphastock_cli.config.settings import SavedScan, Settings, StrategySettings
from alphastock_cli.errors import ConfigError, nearest

PROJECT_FILE = "alphastock.toml"
_PREFIX = "ALPHASTOCK_"


def load(*, flags: Mapping[str, Any], env: Mapping[str, str], cwd: Path) -> Settings:
    """Return the settings in force.

    A list or a preset is replaced whole by a stronger source; the keys of a strategy, and its
    parameters, one by one. A relative path counts from the file that names it, else from `cwd`.

    Parameters
    ----------
    flags : mapping
        Shared options as given: ``data_dir``, ``provider``, ``config``.
    env : mapping
        The environment; only ``ALPHASTOCK_*`` is read. An empty variable counts as not set.
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
        origin = f"{title} {path}"
        settings = apply(settings, read_toml(path), origin, origins, cwd=path.parent, trust=trusted)
        used.append(path)
    settings, warnings = _apply_env(settings, env, origins, cwd)
    for key in ("data_dir", "provider"):
        if key in flags:
            flag = "--" + key.replace("_", "-")
            given = Table({key: str(flags[key])}, source=Source(flag))
            settings = apply(settings, given, f"flag {flag}", origins, cwd=cwd, trust=True)
    if not settings.data_dir.is_absolute():
        raise ConfigError(
            "there is no home folder to keep data in", hint="Set ALPHASTOCK_DATA_DIR to a folder."
        )
    return replace(
        settings,
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

    try:
        return user_config_path("alphastock", appauthor=False) / "config.toml"
    except RuntimeError:  # nobody knows the home folder
        return Path("~/.config/alphastock/config.toml")


def _default_data_dir() -> Path:
    from platformdirs import user_data_path

    try:
        return user_data_path("alphastock", appauthor=False)
    except RuntimeError:
        return Path("~/.local/share/alphastock")


def _files(
    flags: Mapping[str, Any], env: Mapping[str, str], cwd: Path
) -> list[tuple[Path, str, bool]]:
    """Return the files to read, weakest first: path, title, whether it may name plug-ins."""
    if "config" in flags:
        return [(_place(flags["config"], cwd, "--config"), "file", True)]
    if env.get("ALPHASTOCK_CONFIG"):
        return [(_place(env["ALPHASTOCK_CONFIG"], cwd, "ALPHASTOCK_CONFIG"), "file", True)]
    found = [(user_file(), "user file", True), (cwd / PROJECT_FILE, "project file", False)]
    # a relative one would be the file of whoever owns this folder, not of the user
    return [place for place in found if place[0].is_absolute() and _is_there(place[0])]


def _is_there(path: Path) -> bool:
    """Tell whether there is a file; what may not be looked at is an error, not an absence."""
    try:
        return path.is_file()
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be looked at: {error.strerror}", hint="Check the folder's permissions."
        ) from error


def _place(given: object, base: Path, what: str) -> Path:
    """Return a path a person gave as an absolute one."""
    try:
        return base / Path(reading.PATH.check(str(given))).expanduser()
    except WrongValueError as error:
        raise ConfigError(f"{what} {error}") from None
    except RuntimeError:
        raise ConfigError(
            f"{what}: nobody knows the home folder in {given}", hint="Write the path in full."
        ) from None


def apply(
    settings: Settings,
    table: Table,
    origin: str,
    origins: dict[str, str],
    *,
    cwd: Path,
    trust: bool,
) -> Settings:
    """Return `settings` with one source laid over them; `origins` is filled in.

    Parameters
    ----------
    cwd : Path
        The folder from which the source's relative paths count.
    trust : bool
        Whether it may name plug-ins, which are code.
    """
    table.check_keys([*keys.TOP, *keys.SECTIONS, *keys.TABLES])
    if "plugins" in table.values and not trust:
        raise table.complaint(
            "plugins",
            "may not stand in a project file: it would run code for whoever enters the folder",
            hint=f"Put it into {user_file()}, or give --plugin FILE.",
        )
    if "nse" in table and not trust:
        refuse_foreign(table.table("nse"), user_file())
    if "kite" in table and not trust:
        kite.refuse_foreign(table.table("kite"), user_file())
    changes: dict[str, Any] = {k: table.take(k, kind) for k, kind in keys.TOP.items() if k in table}
    origins |= dict.fromkeys(changes, origin)
    where = table.source.title
    if "data_dir" in changes:
        changes["data_dir"] = _place(changes["data_dir"], cwd, f"{where}: `data_dir`")
    if "plugins" in changes:
        named = changes["plugins"]
        changes["plugins"] = tuple(str(_place(p, cwd, f"{where}: `plugins`")) for p in named)
    for section, kinds in keys.SECTIONS.items():
        if section in table:
            held = getattr(settings, section)
            changes[section] = _section(held, table.table(section), kinds, origin, origins)
    if "strategies" in table:
        found = _strategies(table.table("strategies"), settings.strategies, origin, origins)
        changes["strategies"] = found
    return replace(settings, **changes)


def _section(
    held: Any,  # noqa: ANN401 - one of the sections of Settings
    table: Table,
    kinds: Mapping[str, Kind],
    origin: str,
    origins: dict[str, str],
) -> Any:  # noqa: ANN401 - the same
    name = table.path[0]
    table.check_keys([*kinds, "presets"] if name == "scan" else kinds)
    part = {key: table.take(key, kind) for key, kind in kinds.items() if key in table}
    origins |= {f"{name}.{key}": origin for key in part}
    if "presets" in table and name == "scan":
        presets = dict(held.presets)
        for title, values in _tables(table.table("presets"), keys.PRESET):
            if "where" not in values:
                raise table.table("presets").complaint(title, "needs a `where`")
            presets[title] = SavedScan(**values)
            origins[f"scan.presets.{title}"] = origin
        part["presets"] = MappingProxyType(presets)
    return replace(held, **part)


def _strategies(
    table: Table, held: Mapping[str, StrategySettings], origin: str, origins: dict[str, str]
) -> Mapping[str, StrategySettings]:
    found = dict(held)
    for name, part in _tables(table, keys.STRATEGY):
        old = found.get(name, StrategySettings())
        origins |= {f"strategies.{name}.{key}": origin for key in part if key != "parameters"}
        if "parameters" in part:
            origins |= {f"strategies.{name}.parameters.{key}": origin for key in part["parameters"]}
            part["parameters"] = MappingProxyType({**old.parameters, **part["parameters"]})
        found[name] = replace(old, **part)
    return MappingProxyType(found)


def _tables(table: Table, kinds: Mapping[str, Kind]) -> list[tuple[str, dict[str, Any]]]:
    """Return the tables below one, each checked: name and values."""
    found = []
    for name in table.values:
        part = table.table(name)
        part.check_keys(kinds)
        found.append((name, {key: part.take(key, kinds[key]) for key in part.values}))
    return found


def _apply_env(
    settings: Settings, env: Mapping[str, str], origins: dict[str, str], cwd: Path
) -> tuple[Settings, list[str]]:
    """Read ``ALPHASTOCK_<KEY>`` and ``ALPHASTOCK_<SECTION>_<KEY>``; an unknown one is a warning."""
    known = _variables()
    warnings = []
    for name in sorted(env):
        if not name.startswith(_PREFIX) or name in keys.NOT_SETTINGS or not env[name]:
            continue
        if name not in known:
            near = nearest(name, known)
            guess = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"{name} in the environment is not a setting{guess}")
            continue
        section, key, kind = known[name]
        value = kind.parse(env[name])
        try:
            kind.check(value)
        except WrongValueError as error:
            raise ConfigError(f"{name} in the environment {error}") from None
        values = {section: {key: value}} if section else {key: value}
        table = Table(values, source=Source(name))
        origin = f"environment {name}"
        settings = apply(settings, table, origin, origins, cwd=cwd, trust=True)
    return settings, warnings


def _variables() -> dict[str, tuple[str, str, Kind]]:
    found = {f"{_PREFIX}{key.upper()}": ("", key, kind) for key, kind in keys.TOP.items()}
    for section, kinds in keys.SECTIONS.items():
        for key, kind in kinds.items():
            found[f"{_PREFIX}{section.upper()}_{key.upper()}"] = (section, key, kind)
    return found
