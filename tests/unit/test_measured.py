"""Rate, model and count of days: what the flags say, else the configuration, else the default."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alphastock_cli import config
from alphastock_cli.actions.option_words import Rate, parse_rate
from alphastock_cli.config.settings import OptionSettings
from alphastock_cli.errors import ConfigError, UnknownName, UsageError

CONFIGURED = Rate(value=0.07, source="configuration", model="bsm", daycount="trading252")


def test_the_defaults_of_the_settings_are_those_of_the_core() -> None:
    held, rate = OptionSettings(), Rate()
    assert (held.rate, held.model, held.daycount) == (rate.value, rate.model, rate.daycount)
    assert parse_rate("") == rate


def test_a_flag_wins_and_leaves_the_others() -> None:
    assert parse_rate("", otherwise=CONFIGURED) == CONFIGURED
    five = parse_rate("5%", otherwise=CONFIGURED)
    assert five == replace(CONFIGURED, value=0.05, source="--rate")
    assert parse_rate("", "black76", otherwise=CONFIGURED).source == "configuration"
    assert parse_rate("", "", "ACT365", otherwise=CONFIGURED).daycount == "act365"
    nse = parse_rate("nse", otherwise=replace(CONFIGURED, model="black76"))
    assert (nse.value, nse.model, nse.daycount) == (0.10, "bsm", "trading252")
    with pytest.raises(UsageError):
        parse_rate("nse", "black76", otherwise=CONFIGURED)
    with pytest.raises(UnknownName, match="count of days"):
        parse_rate("", "", "act360")


@pytest.mark.parametrize(
    ("name", "text", "value"), [("RATE", "0.08", 0.08), ("DAYCOUNT", "trading252", "trading252")]
)
def test_the_environment(name: str, text: str, value: object, tmp_path: Path) -> None:
    env = {f"ALPHASTOCK_OPTIONS_{name}": text, "ALPHASTOCK_DATA_DIR": str(tmp_path)}
    held = config.load(flags={}, env=env, cwd=tmp_path)
    assert getattr(held.options, name.lower()) == value
    assert held.origin(f"options.{name.lower()}").startswith("environment")


@pytest.mark.parametrize("text", ["7", "nan", "x", "inf", "-1.5"])
def test_a_rate_that_is_none(text: str, tmp_path: Path) -> None:
    env = {"ALPHASTOCK_OPTIONS_RATE": text, "ALPHASTOCK_DATA_DIR": str(tmp_path)}
    with pytest.raises(ConfigError, match="ALPHASTOCK_OPTIONS_RATE"):
        config.load(flags={}, env=env, cwd=tmp_path)
