"""Turn the old `config/production.json` into TOML, and tell what was renamed or left out.

Only symbols and strategies have a counterpart; every other section is named with the reason why
it stays behind. A credential is never copied, however deep it lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alphastock_cli.config.load import apply
from alphastock_cli.config.reading import parse_toml, read_capped
from alphastock_cli.config.settings import Settings
from alphastock_cli.errors import ConfigError

# the old file's words for a class of symbols, ours, and ours for what a strategy supports
_CLASSES = {
    "equities": "equities", "equity": "equities", "stocks": "equities",
    "options": "options", "option": "options", "indices": "indices", "index": "indices",
    "commodities": "commodities", "commodity": "commodities",
    "futures": "futures", "future": "futures",
    "currencies": "currencies", "currency": "currencies",
}  # fmt: skip
_ASSET_TYPES = {
    "equities": "equity", "options": "options", "indices": "index", "commodities": "commodity",
    "futures": "futures", "currencies": "currency",
}  # fmt: skip
_STRATEGY_KEYS = ("enabled", "symbols", "supported_asset_types", "parameters")
_FUTURE = "_FUT"
_WHY = {
    "kite_api": "the broker's limits and paper trading are no matter of a file",
    "market": "hours and holidays come from dated tables: `alphastock contract NIFTY`",
    "underlying_symbol_mapping": "names of indices and their derivatives come from a dated table",
    "stocks": "a second list of symbols; those under `symbols` count",
    "data_collection": "`fetch` loads what it is asked for, cron says when",
    "historical_data": "the lake keeps everything it is given",
    "logging": "messages go to standard error; --verbose and --quiet",
    "database": "the lake needs no server",
    "telegram": "nothing is sent anywhere",
}
_SECRET = re.compile(
    r"(api|access|secret|private|auth|encryption)_?key|secret|token|passw|passphrase|pwd"
    r"|credential|(^|_)(pin|otp|totp)($|_)"
)
_NO_SECRET = re.compile(r"(instrument|exchange)_tokens?")


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What came of it: the TOML, names that changed (old, new, why), keys left out (key, why)."""

    toml_text: str = ""
    renamed: list[tuple[str, str, str]] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)


def config_import(path: Path) -> ImportReport:
    """Read the JSON at `path` and return its settings as TOML text that `load` accepts.

    Raises
    ------
    ConfigError
        The file cannot be read, is larger than 1 MiB, is no JSON object, or holds a value that
        no setting can take.
    """
    try:
        report = _report(_read(path), path)
    except RecursionError:
        raise _not_json(path, "nested too deeply") from None
    _check(report.toml_text, path)
    return report


def _report(body: Mapping[str, Any], path: Path) -> ImportReport:
    import tomli_w

    report = ImportReport()
    known: dict[str, Any] = {}
    if symbols := _symbols(body.get("symbols"), report):
        known["symbols"] = symbols
    if strategies := _strategies(body.get("strategies"), report):
        known["strategies"] = strategies
    for key, value in body.items():
        if key not in {"symbols", "strategies"}:
            _leave_out(key, value, report)
    head = (
        "# Imported from the old JSON. `alphastock config show --origin` says what is in force.\n"
    )
    report.toml_text = head + "\n" + tomli_w.dumps(known)
    _check(report.toml_text, path)
    return report


def _check(text: str, path: Path) -> None:
    """Refuse what `load` would refuse later: better told now than when the old file is gone."""
    try:
        text.encode()
        start = Settings(data_dir=path.parent)
        apply(start, parse_toml(text, title=str(path)), "", {}, cwd=path.parent, trust=False)
    except UnicodeEncodeError:
        raise ConfigError(f"{path} holds text that no file can hold (a lone surrogate)") from None
    except ConfigError as error:
        what = re.sub(re.escape(str(path)) + r":\d+", str(path), error.what)  # a line of the TOML
        raise ConfigError(what, hint=error.hint) from None


def _read(path: Path) -> dict[str, Any]:
    import json

    data = read_capped(path)
    try:
        body = json.loads(data.decode("utf-8-sig"), parse_constant=lambda _: None)
    except ValueError as error:
        raise _not_json(path, str(error)) from None
    if not isinstance(body, dict):
        raise _not_json(path, "a whole configuration is one object")
    return body


def _not_json(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{path} is not a JSON configuration: {why}", hint="Name the old config/production.json."
    )


# -- symbols --------------------------------------------------------------------------------------


def _symbols(held: object, report: ImportReport) -> dict[str, list[str]]:
    if held is None:
        return {}
    if isinstance(held, list):
        held = {"equities": held}
    if not isinstance(held, dict):
        report.ignored.append(("symbols", "not a table of lists"))
        return {}
    found: dict[str, list[str]] = {}
    for word, names in held.items():
        kind = _CLASSES.get(word.lower())
        if kind is None:
            report.ignored.append((f"symbols.{word}", "no class of symbols we know"))
        elif not _is_texts(names):
            report.ignored.append((f"symbols.{word}", "not a list of symbols"))
        else:
            found[kind] = _renamed([*found.get(kind, []), *names], [kind], report)
    return found


def _renamed(names: Sequence[str], kinds: Sequence[str], report: ImportReport) -> list[str]:
    """Return today's names without repeats; each change is told once."""
    result = []
    for name in names:
        symbol = name.strip().upper()
        told = _new_name(symbol, kinds)
        if told is not None:
            if (symbol, *told) not in report.renamed:
                report.renamed.append((symbol, *told))
            symbol = told[0]
        if symbol and symbol not in result:
            result.append(symbol)
    return result


def _new_name(symbol: str, kinds: Sequence[str]) -> tuple[str, str] | None:
    """Return the name a symbol has now among these classes, and why; None where it keeps it.

    An index comes first: a strategy for shares and indices that names NIFTYBANK means the index.
    """
    from alphastock_cli.exchange import indices
    from alphastock_cli.exchange.tables import read_table

    order = [kind for kind in ("indices", "futures", "options") if kind in kinds] or list(kinds)
    rows = [row for row in read_table("old_names") if row["old"] == symbol]
    for kind in (*order, ""):
        for row in rows:
            if row["asset_class"] == kind:
                return row["new"], row["why"]
        if kind == "indices":
            index = indices.canonical_index(symbol)
            if index != symbol and index in indices.index_names():
                return index, "the exchange's own name of the index"
    if len(symbol) > len(_FUTURE) and symbol.endswith(_FUTURE):
        return symbol.removesuffix(_FUTURE), "futures are named by their underlying"
    return None


# -- strategies -----------------------------------------------------------------------------------


def _strategies(held: object, report: ImportReport) -> dict[str, Any]:
    if held is None:
        return {}
    if not isinstance(held, dict):
        report.ignored.append(("strategies", "not a table"))
        return {}
    found: dict[str, Any] = {}
    for name, part in held.items():
        if isinstance(part, dict):
            found[name] = _strategy(f"strategies.{name}", part, report)
        else:
            report.ignored.append((f"strategies.{name}", "not a table"))
    return found


def _strategy(where: str, part: Mapping[str, Any], report: ImportReport) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in part.items():
        if key not in _STRATEGY_KEYS:
            _leave_out(f"{where}.{key}", value, report, why="no setting of a strategy")
        elif _usable(key, value):
            kept[key] = value
        else:
            report.ignored.append((f"{where}.{key}", "not what this setting takes"))
    kinds = []
    for word in kept.get("supported_asset_types", []):
        if word.lower() in _CLASSES:
            kinds.append(_CLASSES[word.lower()])
        else:
            report.ignored.append((f"{where}.supported_asset_types", f"no asset type: {word[:40]}"))
    if "supported_asset_types" in kept:
        kept["supported_asset_types"] = [_ASSET_TYPES[kind] for kind in kinds]
    if "symbols" in kept:
        kept["symbols"] = _renamed(kept["symbols"], kinds or list(_ASSET_TYPES)[::-1], report)
    if "parameters" in kept:
        kept["parameters"] = _plain(kept["parameters"], f"{where}.parameters", report)
    return kept


def _usable(key: str, value: object) -> bool:
    if key == "enabled":
        return isinstance(value, bool)
    return isinstance(value, dict) if key == "parameters" else _is_texts(value)


def _plain(value: Mapping[str, Any], where: str, report: ImportReport) -> dict[str, Any]:
    """Return parameters without credentials and without nulls, of which TOML has none."""
    kept: dict[str, Any] = {}
    for key, item in value.items():
        name = f"{where}.{key}"
        if _is_secret(key):
            report.ignored.append((name, _secret_words([key])))
        elif isinstance(item, dict):
            kept[key] = _plain(item, name, report)
        elif item is None or (isinstance(item, list) and None in item):
            report.ignored.append((name, "null, which TOML does not have"))
        elif isinstance(item, list) and any(isinstance(one, dict | list) for one in item):
            report.ignored.append((name, "a list of lists or tables is no parameter"))
        else:
            kept[key] = item
    return kept


# -- what stays behind ----------------------------------------------------------------------------


def _leave_out(key: str, value: object, report: ImportReport, *, why: str = "") -> None:
    """Say of a section why it is not imported; credentials are named, their values never."""
    secrets = [name for name in (key.rpartition(".")[2], *_keys(value)) if _is_secret(name)]
    words = why or _WHY.get(key, "has no counterpart in this version")
    report.ignored.append((key, _secret_words(secrets) if secrets else words))


def _secret_words(names: Sequence[str]) -> str:
    listed = ", ".join(dict.fromkeys(names))
    return f"credentials ({listed}) are never copied into a file; they belong in the environment"


def _is_secret(key: str) -> bool:
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower().replace("-", "_")
    return bool(_SECRET.search(plain)) and not _NO_SECRET.fullmatch(plain)


def _keys(value: object) -> Iterator[str]:
    """Yield every key below a value; the depth is bounded by the JSON reader's own."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
