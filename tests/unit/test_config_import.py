"""The old JSON becomes TOML that loads; every change of a name and everything left out is told."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.config import ImportReport, Settings, config_import, load
from alphastock_cli.errors import ConfigError

CANARY = "canary-3f9a"

# the shape of the old file, shortened
OLD: dict[str, Any] = {
    "kite_api": {"paper_trading": True, "auth": [{"api_key": CANARY, "accessToken": CANARY}]},
    "market": {"open_time": "09:15", "trading_days": [0, 1, 2, 3, 4]},
    "stocks": [{"symbol": "SBIN", "name": "State Bank of India", "exchange": "NSE"}],
    "symbols": {
        "equities": ["SBIN", "HDFC", "m&m", "HDFCBANK"],
        "options": ["NIFTY", "BANKNIFTY", "NIFTY50"],
        "indices": ["NIFTY 50", "BANKNIFTY", "NIFTYBANK", "FINNIFTY", "NIFTYIT", "NIFTYPHARMA"],
        "commodities": ["GOLD", "CRUDEOIL"],
        "futures": ["NIFTY_FUT", "BANKNIFTY_FUT", "GOLD_FUT"],
        "crypto": ["BTC"],
    },
    "strategies": {
        "ma_crossover": {
            "enabled": True,
            "symbols": ["BANKNIFTY", "SBIN", "HDFC"],
            "supported_asset_types": ["EQUITY", "INDEX", "FUTURES"],
            "timeframe": "15minute",
            "risk_management": {"max_daily_loss": 0.05},
            "parameters": {
                "fast_period": 9,
                "ma_type": "EMA",
                "target_pct": 2.0,
                "unset": None,
                "pinbar_only": True,
                "instrument_token": 256265,
                "api_secret": CANARY,
                "nested": {"volume": [1, 2], "password": CANARY},
            },
        },
        "vwap": {"enabled": False, "symbols": ["NIFTYBANK", "NIFTY50"], "parameters": {}},
        "spread": {"symbols": ["NIFTY50", "NIFTY_FUT"], "supported_asset_types": ["OPTIONS"]},
    },
    "logging": {"level": "INFO"},
    "database": {"password": CANARY},
    "something_new": 3,
}


def imported(tmp_path: Path, body: object) -> ImportReport:
    path = tmp_path / "production.json"
    path.write_text(body if isinstance(body, str) else json.dumps(body))
    return config_import(path)


def loaded(tmp_path: Path, report: ImportReport) -> Settings:
    path = tmp_path / "alphastock.toml"
    path.write_text(report.toml_text)
    return load(flags={"config": str(path)}, env={}, cwd=tmp_path)


@pytest.fixture
def report(tmp_path: Path) -> ImportReport:
    return imported(tmp_path, OLD)


def test_symbols_come_over_by_class_under_todays_names(
    tmp_path: Path, report: ImportReport
) -> None:
    symbols = loaded(tmp_path, report).symbols
    assert symbols.equities == ("SBIN", "HDFCBANK", "M&M")
    assert symbols.options == ("NIFTY", "BANKNIFTY")
    assert symbols.indices == (
        "NIFTY 50",
        "NIFTY BANK",
        "NIFTY FIN SERVICE",
        "NIFTY IT",
        "NIFTY PHARMA",
    )
    assert symbols.commodities == ("GOLD", "CRUDEOIL")
    assert symbols.futures == ("NIFTY", "BANKNIFTY", "GOLD")


def test_strategies_come_over(tmp_path: Path, report: ImportReport) -> None:
    strategies = loaded(tmp_path, report).strategies
    first = strategies["ma_crossover"]
    assert (first.enabled, first.symbols) == (True, ("NIFTY BANK", "SBIN", "HDFCBANK"))
    assert first.supported_asset_types == ("equity", "index", "futures")
    assert dict(first.parameters) == {
        "fast_period": 9,
        "ma_type": "EMA",
        "target_pct": 2.0,
        "pinbar_only": True,
        "instrument_token": 256265,
        "nested": {"volume": [1, 2]},
    }
    assert strategies["vwap"].enabled is False
    assert strategies["vwap"].symbols == ("NIFTY BANK", "NIFTY 50")
    assert strategies["spread"].symbols == ("NIFTY",)


def test_each_new_name_is_told_once_with_its_reason(report: ImportReport) -> None:
    told = {(old, new): why for old, new, why in report.renamed}
    assert len(told) == len(report.renamed)
    assert {("NIFTY50", "NIFTY 50"), ("NIFTYBANK", "NIFTY BANK"), ("NIFTY50", "NIFTY")} <= set(told)
    assert ("NIFTY_FUT", "NIFTY") in told
    assert "merged into HDFC Bank on 2023-07-01" in told["HDFC", "HDFCBANK"]
    assert all(told.values())


def test_everything_left_out_is_told_with_its_reason(report: ImportReport) -> None:
    ignored = dict(report.ignored)
    assert len(ignored) == len(report.ignored)
    assert set(ignored) == {
        "kite_api", "market", "stocks", "logging", "database", "something_new", "symbols.crypto",
        "strategies.ma_crossover.timeframe", "strategies.ma_crossover.risk_management",
        "strategies.ma_crossover.parameters.unset",
        "strategies.ma_crossover.parameters.api_secret",
        "strategies.ma_crossover.parameters.nested.password",
    }  # fmt: skip
    assert "api_key, accessToken" in ignored["kite_api"]
    assert "environment" in ignored["kite_api"]
    assert "password" in ignored["database"]
    assert "null" in ignored["strategies.ma_crossover.parameters.unset"]
    assert "no counterpart" in ignored["something_new"]


def test_no_credential_gets_anywhere(report: ImportReport) -> None:
    assert CANARY not in report.toml_text
    assert CANARY not in repr(report)


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("api_key", True), ("apiKey", True), ("API-KEY", True), ("access_token", True),
        ("request_token", True), ("client_secret", True), ("Password", True), ("passwd", True),
        ("totp", True), ("pin", True), ("login_pin", True), ("private_key", True),
        ("credentials", True), ("instrument_token", False), ("exchange_tokens", False),
        ("spinning_top", False), ("pinbar", False), ("key_levels", False), ("lookback", False),
    ],
)  # fmt: skip
def test_what_counts_as_a_credential(tmp_path: Path, key: str, *, secret: bool) -> None:
    body = {"strategies": {"s": {"parameters": {key: 1}}}}
    report = imported(tmp_path, body)
    held = loaded(tmp_path, report).strategies["s"].parameters
    assert (key not in held) is secret
    assert bool(report.ignored) is secret


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("[]", "is not a JSON configuration: a whole configuration is one object"),
        ("{", "is not a JSON configuration"),
        ("", "is not a JSON configuration"),
        ('{"a":' * 20_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "is not a JSON configuration"),
        ('{"symbols": {"equities": ["\\ud800"]}}', "lone surrogate"),
        ('{"x": "' + "y" * (1 << 20) + '"}', "larger than 1 MiB"),
    ],
)
def test_broken_json_is_refused(tmp_path: Path, body: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, body)
    assert told in caught.value.what
    assert "production.json" in caught.value.what


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config_import(tmp_path / "no.json")


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"symbols": 3}, "symbols"),
        ({"symbols": {"equities": [{"symbol": "SBIN"}]}}, "symbols.equities"),
        ({"strategies": []}, "strategies"),
        ({"strategies": {"s": 3}}, "strategies.s"),
        ({"strategies": {"s": {"enabled": "yes"}}}, "strategies.s.enabled"),
        ({"strategies": {"s": {"symbols": "SBIN"}}}, "strategies.s.symbols"),
        (
            {"strategies": {"s": {"supported_asset_types": ["BONDS"]}}},
            "strategies.s.supported_asset_types",
        ),
        ({"strategies": {"s": {"parameters": {"a": float("nan")}}}}, "strategies.s.parameters.a"),
        ({"strategies": {"s": {"parameters": {"a": [None]}}}}, "strategies.s.parameters.a"),
        ({"strategies": {"s": {"parameters": {"a": [[1]]}}}}, "strategies.s.parameters.a"),
    ],
)
def test_what_has_the_wrong_shape_is_left_out_and_told(
    tmp_path: Path, body: dict[str, Any], key: str
) -> None:
    report = imported(tmp_path, body)
    assert [name for name, _ in report.ignored] == [key]
    loaded(tmp_path, report)


def test_an_old_list_of_symbols_counts_as_equities(tmp_path: Path) -> None:
    report = imported(tmp_path, {"symbols": ["SBIN", "sbin ", ""]})
    assert loaded(tmp_path, report).symbols.equities == ("SBIN",)


def test_a_file_name_cannot_write_into_the_toml(tmp_path: Path) -> None:
    path = tmp_path / "x\nprovider = 'evil'\n.json"
    try:
        path.write_text("{}")
    except OSError:
        pytest.skip("this file system allows no such name")
    assert "provider" not in {line[:8] for line in config_import(path).toml_text.splitlines()}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
_STRATEGY = st.dictionaries(
    st.sampled_from(["enabled", "symbols", "supported_asset_types", "parameters", "x"]),
    _JSON
    | st.booleans()
    | st.lists(st.text(max_size=5), max_size=3)
    | st.dictionaries(st.text(max_size=5), _JSON, max_size=3),
)
_BODY = st.fixed_dictionaries(
    {},
    optional={
        "symbols": _JSON | st.dictionaries(st.sampled_from(["equities", "futures"]), _JSON),
        "strategies": _JSON | st.dictionaries(st.text(max_size=5), _STRATEGY, max_size=3),
        "other": _JSON,
    },
)


@given(body=_BODY)
def test_whatever_the_json_holds_the_toml_loads(
    body: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"import-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    path = folder / "production.json"
    path.write_text(json.dumps(body))
    try:
        report = config_import(path)
    except ConfigError:
        assert "\\ud" in path.read_text()  # only a lone surrogate cannot be written
        return
    settings = loaded(folder, report)
    assert all(isinstance(held.enabled, bool) for held in settings.strategies.values())
