"""Names are found without importing; a class is imported only when asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from alphastock_cli.errors import ConfigError, UnknownName
from alphastock_cli.registry import PROVIDERS, Registry, load_plugin


def test_names_come_from_files_and_get_imports_one() -> None:
    assert {"lake", "nse", "sim"} <= set(PROVIDERS.names())
    assert PROVIDERS.get("lake").name == "lake"


def test_unknown_name_lists_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        PROVIDERS.get("lakee")
    assert caught.value.hint == "Did you mean lake?"
    assert caught.value.exit_code == 2


def test_a_name_far_from_all_lists_all() -> None:
    with pytest.raises(UnknownName) as caught:
        PROVIDERS.get("zzz")
    assert "Known: " in caught.value.hint
    assert "sim" in caught.value.hint


def test_two_classes_for_one_name_are_refused_by_both_names() -> None:
    registry = Registry("runner", "runners")
    registry.register("x")(type("First", (), {"__module__": "one"}))
    with pytest.raises(ConfigError, match=r"one\.First and two\.Second"):
        registry.register("x")(type("Second", (), {"__module__": "two"}))


def test_register_returns_the_class_itself() -> None:
    registry = Registry("runner", "runners")
    cls = type("Mine", (), {})
    assert registry.register("mine")(cls) is cls
    assert registry.get("mine") is cls


def test_a_plugin_file_registers_what_it_holds(tmp_path: Path) -> None:
    plugin = tmp_path / "gap_fade_plugin.py"
    plugin.write_text(
        "from alphastock_cli.registry import STRATEGIES\n"
        "@STRATEGIES.register('gap_fade_test')\nclass GapFade: pass\n"
    )
    from alphastock_cli.registry import STRATEGIES

    load_plugin(plugin)
    load_plugin(plugin)  # twice is once
    assert STRATEGIES.get("gap_fade_test").__name__ == "GapFade"
    del STRATEGIES._classes["gap_fade_test"]
    sys.modules.pop("alphastock_plugin_gap_fade_plugin")


@pytest.mark.parametrize("text", ["raise ValueError('no')", "def broken(:"])
def test_a_broken_plugin_shows_its_own_error(tmp_path: Path, text: str) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text(text)
    with pytest.raises(ConfigError, match=r"ValueError: no|SyntaxError"):
        load_plugin(plugin)


def test_a_missing_plugin_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such Python file"):
        load_plugin(tmp_path / "nothing.py")
