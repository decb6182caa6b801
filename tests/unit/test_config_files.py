"""Configuration under any text: random files, paths, permissions."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.config import load, paths
from alphastock_cli.errors import ConfigError
from tests.unit.test_config import cwd, home, read, refused

__all__ = ["cwd", "home"]  # fixtures

_VALUE = (
    st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"), max_size=5)
)
_WORDS = st.sampled_from(
    ["sim", "scan", "seed", "universe", "symbols", "equities", "strategies", "presets", "where",
     "top", "parameters", "lock_wait", "data_dir", "provider", "x"]
)  # fmt: skip
_TOML = st.recursive(
    _VALUE | st.lists(_VALUE, max_size=2),
    lambda inner: st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=9,
)


@given(
    text=st.dictionaries(_WORDS, _TOML, max_size=4).map(tomli_w.dumps).map(str.encode)
    | st.binary(max_size=40)
    | st.text("[]{}=\"'#.\n\r ae0", max_size=60).map(str.encode)
)
def test_whatever_the_file_holds_it_is_settings_or_a_complaint(
    text: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"fuzz-{os.getpid()}.toml"
    path.write_bytes(text)
    told, settings = "", None
    try:
        settings = load(flags={"config": str(path), "data_dir": "/x"}, env={}, cwd=folder)
    except ConfigError as error:
        told = error.what
    if settings is None:
        assert str(path) in told
        return
    assert isinstance(settings.sim.seed, int)
    assert settings.lock_wait >= 0
    origins = {settings.origin(key) for key in settings.flat()}
    assert origins <= {"default", f"file {path}", "flag --data-dir"}


_SLEPT: list[float] = []


@given(st.just(0))
def test_a_slow_first_example_is_no_failure(number: int) -> None:
    # a run as another user compiles what it imports: far beyond Hypothesis's 200 ms
    time.sleep(0 if _SLEPT else 0.3)
    _SLEPT.append(number)


def test_a_long_file_is_named_without_its_line_rather_than_late(cwd: Path) -> None:
    error = refused(cwd, "[sim]\nseed = 1\n" + "# x\n" * 500 + "sede = 3\n")
    assert error.what == f"{cwd / 'one.toml'}: unknown key `sim.sede`"


# -- code -----------------------------------------------------------------------------------------


def test_a_project_file_may_not_name_plug_ins(cwd: Path, home: Path) -> None:
    (cwd / "alphastock.toml").write_text('\nplugins = ["evil.py"]\n')
    with pytest.raises(ConfigError) as caught:
        load(flags={}, env={}, cwd=cwd)
    assert "alphastock.toml:2: `plugins` may not stand in a project file" in caught.value.what
    assert str(home / "config.toml") in caught.value.hint
    assert "--plugin" in caught.value.hint


@pytest.mark.parametrize("where", ["user", "explicit"])
def test_the_users_own_files_may(cwd: Path, home: Path, where: str) -> None:
    path = home / "config.toml" if where == "user" else cwd / "mine.toml"
    path.write_text('plugins = ["p.py"]\n')
    flags: dict[str, Any] = {} if where == "user" else {"config": str(path)}
    settings = load(flags=flags, env={}, cwd=cwd)
    assert settings.plugins == (str(path.parent / "p.py"),)


# -- showing --------------------------------------------------------------------------------------


def test_flat_gives_plain_values_by_dotted_key(cwd: Path) -> None:
    text = (
        '[strategies.x]\nsymbols = ["SBIN"]\n[strategies.x.parameters]\nfast = 9\n'
        '[scan.presets.p]\nwhere = "rsi < 30"\n'
    )
    settings = read(cwd, text)
    flat = settings.flat()
    assert flat["strategies.x.symbols"] == ["SBIN"]
    assert flat["strategies.x.parameters.fast"] == 9
    assert flat["scan.presets.p.where"] == "rsi < 30"
    assert "scan.presets.p.top" not in flat
    assert flat["data_dir"] == str(settings.data_dir)
    assert settings.origin("scan.presets.p.where") == f"file {cwd / 'one.toml'}"
    assert all(isinstance(v, str | int | float | bool | list) for v in flat.values())


def test_paths_tell_what_exists(cwd: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cwd)
    (cwd / "alphastock.toml").write_text("")
    own = cwd / "own.toml"
    own.write_text("")
    rows = paths(load(flags={"config": str(own), "data_dir": str(cwd)}, env={}, cwd=cwd))
    found = {row["what"]: (row["path"], row["exists"]) for row in rows}
    assert found["user configuration"] == (str(home / "config.toml"), False)
    assert found["project configuration"] == (str(cwd / "alphastock.toml"), True)
    assert found["data"] == (str(cwd), True)
    assert found["--config"] == (str(own), True)


def test_the_example_and_the_list_of_variables_hold(cwd: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    settings = load(flags={"config": str(root / "examples" / "alphastock.toml")}, env={}, cwd=cwd)
    assert settings.provider == "lake"
    lines = (root / ".env.example").read_text().splitlines()
    pairs = [line.lstrip("#").split("=", 1) for line in lines if line.startswith("#ALPHASTOCK_")]
    env = {k: v for k, v in pairs if k != "ALPHASTOCK_CONFIG"}
    assert load(flags={}, env=env, cwd=cwd).warnings == ()
    assert {"ALPHASTOCK_CONFIG", "ALPHASTOCK_DATA_DIR", "ALPHASTOCK_PROVIDER"} <= {
        k for k, _ in pairs
    }
    for number, line in enumerate(lines):
        if line.startswith(("#ALPHASTOCK_", "#NO_COLOR", "#FORCE_COLOR")):
            assert lines[number - 1].startswith("#"), f"{line} has no remark above it"


def test_reading_settings_loads_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from alphastock_cli.config import load;"
        "load(flags={'data_dir': '/x'}, env={}, cwd=Path('/'));"
        "bad = {'polars', 'numpy', 'tomli_w', 'json', 'rich', 'typer'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look anywhere")
def test_a_folder_that_may_not_be_entered_is_told(cwd: Path, home: Path) -> None:
    home.chmod(0)
    try:
        with pytest.raises(ConfigError, match="cannot be looked at"):
            load(flags={}, env={}, cwd=cwd)
    finally:
        home.chmod(stat.S_IRWXU)


def test_a_project_file_may_not_send_the_broker_s_secrets_elsewhere(cwd: Path, home: Path) -> None:
    text = '[kite]\nroot = "http://127.0.0.1:8080"\n'
    (cwd / "alphastock.toml").write_text(text)
    with pytest.raises(ConfigError, match="root") as caught:
        load(flags={}, env={}, cwd=cwd)
    assert str(home / "config.toml") in caught.value.hint
    (cwd / "alphastock.toml").unlink()
    (home / "config.toml").write_text(text)
    assert load(flags={}, env={}, cwd=cwd).kite.root == "http://127.0.0.1:8080"
