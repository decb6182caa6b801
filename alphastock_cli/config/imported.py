"""Turn the old `config/production.json` into TOML, and tell what was renamed or left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alphastock_cli.config.reading import MAX_BYTES
from alphastock_cli.errors import ConfigError
from alphastock_cli.exchange.tables import read_table

# the old file's words for a class of symbols, and ours
_CLASSES = {
    "equities": "equities", "equity": "equities", "stocks": "equities",
    "options": "options", "indices": "indices", "index": "indices",
    "commodities": "commodities", "commodity": "commodities",
    "futures": "futures", "currencies": "currencies", "currency": "currencies",
}  # fmt: skip
_STRATEGY_KEYS = ("enabled", "symbols", "supported_asset_types", "parameters")
_SECRETS = ("key", "secret", "token", "password", "pin", "totp")


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What came of it: the TOML, names that changed (old, new, why), keys left out (key, why)."""

    toml_text: str = ""
    renamed: list[tuple[str, str, str]] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)


def config_import(path: Path) -> ImportReport:
    """Read the JSON at `path` and return its settings as TOML text.

    Secrets are never copied: the report says where they belong.

    Raises
    ------
    ConfigError
        The file cannot be read, is larger than 1 MiB, or is no JSON object.
    """
    import tomli_w

    report = ImportReport()
    body = _read(path)
    known: dict[str, Any] = {}
    symbols = _symbols(body, report)
    if symbols:
        known["symbols"] = symbols
    strategies = _strategies(body.get("strategies"), report)
    if strategies:
        known["strategies"] = strategies
    for key, value in body.items():
        if key not in {"symbols", "strategies"}:
            _leave_out(key, value, report)
    head = (
        f"# Imported from {path.name}. `alphastock config show --origin` says what is in force.\n\n"
    )
    report.toml_text = head + tomli_w.dumps(known)
    return report


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_BYTES} bytes: not a configuration")
        body = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise ConfigError(f"{path} is not a JSON object")
    return body


def _symbols(body: Mapping[str, Any], report: ImportReport) -> dict[str, list[str]]:
    held = body.get("symbols")
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
        if kind is None or not _is_texts(names):
            report.ignored.append((f"symbols.{word}", "no class of symbols we know"))
            continue
        found.setdefault(kind, [])
        for name in _renamed(names, kind, report):
            if name not in found[kind]:
                found[kind].append(name)
    return found


def _strategies(held: object, report: ImportReport) -> dict[str, Any]:
    if held is None:
        return {}
    if not isinstance(held, dict):
        report.ignored.append(("strategies", "not a table"))
        return {}
    found: dict[str, Any] = {}
    for name, part in held.items():
        if not isinstance(part, dict):
            report.ignored.append((f"strategies.{name}", "not a table"))
            continue
        kept = {key: part[key] for key in _STRATEGY_KEYS if _usable(key, part.get(key))}
        for key in part:
            if key not in kept:
                report.ignored.append((f"strategies.{name}.{key}", "no setting of a strategy"))
        if "symbols" in kept:
            classes = [
                _CLASSES.get(str(t).lower(), "") for t in kept.get("supported_asset_types", [])
            ]
            kept["symbols"] = _renamed(kept["symbols"], classes[0] if classes else "", report)
        if "parameters" in kept:
            kept["parameters"] = _without_nulls(kept["parameters"])
        found[name] = kept
    return found


def _usable(key: str, value: object) -> bool:
    if key == "enabled":
        return isinstance(value, bool)
    return isinstance(value, dict) if key == "parameters" else _is_texts(value)


def _renamed(names: list[str], kind: str, report: ImportReport) -> list[str]:
    """Return today's names; a change is told once."""
    table = read_table("old_names")
    result = []
    for name in names:
        symbol = name.strip().upper()
        rows = [r for r in table if r["old"] == symbol and r["asset_class"] in {"", kind}]
        if rows:
            told = (symbol, rows[0]["new"], rows[0]["why"])
            if told not in report.renamed:
                report.renamed.append(told)
            symbol = rows[0]["new"]
        if symbol not in result:
            result.append(symbol)
    return result


def _leave_out(key: str, value: object, report: ImportReport) -> None:
    """Say of a section why it is not imported; secrets are named, their values never."""
    inside = value if isinstance(value, dict) else {}
    secret = [k for k in (key, *inside) if any(word in k.lower() for word in _SECRETS)]
    if secret:
        why = f"credentials ({', '.join(secret)}) belong in the environment, see .env.example"
    else:
        why = "has no counterpart in this version"
    report.ignored.append((key, why))


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return `value` without nulls: TOML has none."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(v) for v in value if v is not None]
    return value


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
