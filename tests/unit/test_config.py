"""Settings: who wins, who said so, and what is refused with file, line and key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alphastock_cli.config import Settings, load
from alphastock_cli.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the process an empty home and return the folder of the user file."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "share"))
    folder = tmp_path / "home" / "config" / "alphastock"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def cwd(tmp_path: Path, home: Path) -> Path:
    assert home.is_dir()
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def read(cwd: Path, text: str | bytes, **env: str) -> Settings:
    """Load one explicit file."""
    path = cwd / "one.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(flags={"config": str(path)}, env=env, cwd=cwd)


def refused(cwd: Path, text: str | bytes, **env: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(cwd, text, **env)
    return caught.value


# -- who wins -------------------------------------------------------------------------------------


def test_without_anything_the_defaults_hold(cwd: Path, tmp_path: Path) -> None:
    settings = load(flags={}, env={}, cwd=cwd)
    assert settings.data_dir == tmp_path / "home" / "share" / "alphastock"
    assert (settings.provider, settings.lock_wait, settings.plugins) == ("sim", 0.0, ())
    assert (settings.sim.seed, settings.sim.universe) == (42, 200)
    assert (settings.scan.universe, settings.scan.turnover_floor) == ("all", 1e7)
    assert settings.scan.series == ("EQ", "BE")
    assert settings.files == ()
    assert {settings.origin(key) for key in settings.flat()} == {"default"}
    assert not settings.data_dir.exists()


def test_flag_beats_environment_beats_project_beats_user(cwd: Path, home: Path) -> None:
    user, project = home / "config.toml", cwd / "alphastock.toml"
    steps: list[tuple[str, str]] = [("sim", "default")]
    assert load(flags={}, env={}, cwd=cwd).provider == "sim"
    user.write_text('provider = "user"\n')
    steps.append(("user", f"user file {user}"))
    settings = load(flags={}, env={}, cwd=cwd)
    assert (settings.provider, settings.origin("provider")) == steps[-1]
    project.write_text('provider = "project"\n')
    settings = load(flags={}, env={}, cwd=cwd)
    assert (settings.provider, settings.origin("provider")) == (
        "project",
        f"project file {project}",
    )
    env = {"ALPHASTOCK_PROVIDER": "env"}
    settings = load(flags={}, env=env, cwd=cwd)
    assert settings.provider == "env"
    assert settings.origin("provider") == "environment ALPHASTOCK_PROVIDER"
    settings = load(flags={"provider": "flag"}, env=env, cwd=cwd)
    assert (settings.provider, settings.origin("provider")) == ("flag", "flag --provider")
    assert settings.files == (user, project)


def test_a_weaker_file_keeps_what_the_stronger_one_leaves_alone(cwd: Path, home: Path) -> None:
    (home / "config.toml").write_text("[sim]\nseed = 7\nuniverse = 9\n")
    (cwd / "alphastock.toml").write_text("[sim]\nseed = 8\n")
    settings = load(flags={}, env={}, cwd=cwd)
    assert (settings.sim.seed, settings.sim.universe) == (8, 9)
    assert settings.origin("sim.universe").startswith("user file")


def test_strategies_are_laid_over_each_other_key_by_key(cwd: Path, home: Path) -> None:
    user = '[strategies.x]\nsymbols = ["sbin"]\nparameters = { fast = 9, slow = 21 }\n'
    (home / "config.toml").write_text(user)
    project = "[strategies.x]\nenabled = false\nparameters = { fast = 5 }\n"
    (cwd / "alphastock.toml").write_text(project)
    settings = load(flags={}, env={}, cwd=cwd)
    held = settings.strategies["x"]
    assert (held.enabled, held.symbols) == (False, ("SBIN",))
    assert dict(held.parameters) == {"fast": 5, "slow": 21}
    assert settings.origin("strategies.x.parameters.fast").startswith("project file")
    assert settings.origin("strategies.x.parameters.slow").startswith("user file")
    assert settings.origin("strategies.x.supported_asset_types") == "default"


def test_a_preset_is_replaced_whole(cwd: Path, home: Path) -> None:
    first = '[scan.presets.p]\nwhere = "close > 1"\ntop = 3\n[scan.presets.q]\nwhere = "rsi < 9"\n'
    (home / "config.toml").write_text(first)
    (cwd / "alphastock.toml").write_text('[scan.presets.p]\nwhere = "close > 2"\n')
    presets = load(flags={}, env={}, cwd=cwd).scan.presets
    assert (presets["p"].where, presets["p"].top) == ("close > 2", None)
    assert presets["q"].where == "rsi < 9"


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_an_explicit_file_replaces_the_others(cwd: Path, home: Path, by: str) -> None:
    (home / "config.toml").write_text("[sim]\nseed = 7\n")
    (cwd / "alphastock.toml").write_text("[sim]\nseed = 8\n")
    (cwd / "own.toml").write_text("[sim]\nuniverse = 9\n")
    flags = {"config": "own.toml"} if by == "flag" else {}
    env = {"ALPHASTOCK_CONFIG": "own.toml"} if by == "environment" else {}
    settings = load(flags=flags, env=env, cwd=cwd)
    assert (settings.sim.seed, settings.sim.universe) == (42, 9)
    assert settings.files == (cwd / "own.toml",)


def test_an_explicit_file_must_exist(cwd: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml cannot be read"):
        load(flags={"config": "nowhere.toml"}, env={}, cwd=cwd)
    with pytest.raises(ConfigError, match="must be a path, not empty"):
        load(flags={"config": ""}, env={}, cwd=cwd)


# -- the environment ------------------------------------------------------------------------------


def test_every_setting_has_a_variable(cwd: Path) -> None:
    env = {
        "ALPHASTOCK_DATA_DIR": "lake here",
        "ALPHASTOCK_LOCK_WAIT": "2.5",
        "ALPHASTOCK_PLUGINS": "a.py, b.py",
        "ALPHASTOCK_SIM_SEED": "7",
        "ALPHASTOCK_SIM_UNIVERSE": "9",
        "ALPHASTOCK_SCAN_UNIVERSE": "nifty50",
        "ALPHASTOCK_SCAN_TURNOVER_FLOOR": "1e6",
        "ALPHASTOCK_SCAN_SERIES": "eq",
        "ALPHASTOCK_SYMBOLS_EQUITIES": "sbin,M&M",
    }
    settings = load(flags={}, env=env, cwd=cwd)
    flat = settings.flat()
    assert settings.data_dir == cwd / "lake here"
    assert settings.plugins == (str(cwd / "a.py"), str(cwd / "b.py"))
    assert flat["sim.seed"] == 7
    assert flat["scan.turnover_floor"] == 1e6
    assert flat["scan.series"] == ["EQ"]
    assert flat["symbols.equities"] == ["SBIN", "M&M"]
    assert settings.warnings == ()
    for name in env:
        key = next(k for k in flat if name == "ALPHASTOCK_" + k.upper().replace(".", "_"))
        assert settings.origin(key) == f"environment {name}"


def test_an_unknown_variable_is_a_warning_with_the_nearest(cwd: Path) -> None:
    env = {"ALPHASTOCK_SIM_SEDE": "secret-value", "ALPHASTOCK_TEST_DATA": "x", "OTHER": "y"}
    (warning,) = load(flags={}, env=env, cwd=cwd).warnings
    assert "ALPHASTOCK_SIM_SEDE" in warning
    assert "did you mean ALPHASTOCK_SIM_SEED?" in warning
    assert "secret-value" not in warning


def test_an_empty_variable_counts_as_not_set(cwd: Path) -> None:
    env = {"ALPHASTOCK_PROVIDER": "", "ALPHASTOCK_CONFIG": "", "ALPHASTOCK_NONSENSE": ""}
    settings = load(flags={}, env=env, cwd=cwd)
    assert (settings.provider, settings.warnings) == ("sim", ())


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ALPHASTOCK_SIM_SEED", "seven", "must be a whole number, not text"),
        ("ALPHASTOCK_SIM_SEED", "9" * 5000, "must be a whole number"),
        ("ALPHASTOCK_SIM_UNIVERSE", "0", "must be from 1 to 5000, not 0"),
        ("ALPHASTOCK_LOCK_WAIT", "nan", "must be a finite number from 0 up"),
        ("ALPHASTOCK_LOCK_WAIT", "-1", "must be a finite number from 0 up"),
        ("ALPHASTOCK_DATA_DIR", " ", "must be a path, not empty"),
        ("ALPHASTOCK_DATA_DIR", "~nobody-of-that-name/x", "nobody knows the home folder"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(cwd: Path, name: str, value: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(flags={}, env={name: value}, cwd=cwd)
    assert name in caught.value.what
    assert told in caught.value.what


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n\n[sim]\nsede = 3\n", "one.toml:4: unknown key `sim.sede`"),
        ('x = """\n1\n"""\n', "one.toml:1: unknown key `x`"),
        ("[sim]\n# a remark\nseed = '3'\n", "one.toml:3: `sim.seed` must be a whole number, not"),
        ("[sim]\nseed = true\n", "must be a whole number, not true or false"),
        ("[sim]\nseed = -1\n", "must be from 0 to 2147483647, not -1"),
        ("lock_wait = nan\n", "must be a finite number"),
        ("lock_wait = inf\n", "must be a finite number"),
        (f"lock_wait = {'9' * 400}\n", "must be a finite number"),
        ("provider = 3\n", "`provider` must be text, not a whole number"),
        ("provider = 2026-01-01\n", "must be text, not a date or time"),
        ("sim = 3\n", "`sim` must be a table, not a whole number"),
        ("[scan]\nseries = 'EQ'\n", "`scan.series` must be a list of texts, not text"),
        ("[scan]\nseries = [1]\n", "must be a list of texts"),
        ("[symbols]\nequities = [' ']\n", "holds an empty symbol"),
        ("[scan.presets.p]\nsort = 'rsi'\n", "`scan.presets.p` needs a `where`"),
        ("[scan.presets]\np = 3\n", "`scan.presets.p` must be a table"),
        ("[scan.presets.p]\nwhere = 'x'\ntop = 0\n", "must be from 1"),
        ("[strategies.s]\nenabled = 1\n", "must be true or false, not a whole number"),
        ("[strategies.s]\nparameters = 1\n", "must be a table"),
        ("[strategies.s.parameters]\na = [nan]\n", "holds nan or inf"),
        ("[strategies.s]\nsupported_asset_types = ['equities']\n", "none of equity, options"),
        ("data_dir = ''\n", "must be a path, not empty"),
        ('data_dir = "a\\u0000b"\n', "must be a path, not empty"),
        ("[sim]\nseed = = 3\n", "one.toml:2:8: Invalid value"),
        ("[sim]\nseed = 1\nseed = 2\n", "one.toml:3"),
        (f"[sim]\nseed = {'9' * 5000}\n", "one.toml"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("a = 1\x00\n", "one.toml:1:6"),
        (b"a = '\xff'\n", "is not UTF-8 text (byte 5)"),
        ("# " + "x" * (1 << 20), "is larger than 1 MiB"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_key(
    cwd: Path, text: str | bytes, told: str
) -> None:
    error = refused(cwd, text)
    assert told in error.what
    assert str(cwd / "one.toml") in error.what
    assert error.exit_code == 2


def test_the_nearest_key_is_named(cwd: Path) -> None:
    assert refused(cwd, "[sim]\nsede = 3\n").hint == "Did you mean `seed`?"
    assert refused(cwd, "[smi]\nseed = 3\n").hint == "Did you mean `sim`?"
    assert refused(cwd, "[sim]\nzzzzz = 3\n").hint == "Known: seed, universe."


def test_byte_order_mark_and_windows_lines_are_read(cwd: Path) -> None:
    assert read(cwd, b"\xef\xbb\xbf[sim]\r\nseed = 3\r\n").sim.seed == 3


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device here")
def test_an_endless_file_is_not_read_to_its_end(cwd: Path) -> None:
    with pytest.raises(ConfigError, match="larger than"):
        load(flags={"config": "/dev/zero"}, env={}, cwd=cwd)


def test_a_folder_is_no_file(cwd: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(flags={"config": str(cwd)}, env={}, cwd=cwd)
    (cwd / "alphastock.toml").mkdir()
    assert load(flags={}, env={}, cwd=cwd).files == ()


def test_paths_count_from_the_file_that_names_them(cwd: Path) -> None:
    (cwd / "below").mkdir()
    path = cwd / "below" / "c.toml"
    path.write_text('data_dir = "here"\nplugins = ["p.py", "/abs/q.py"]\n')
    settings = load(flags={"config": str(path)}, env={}, cwd=cwd)
    assert settings.data_dir == cwd / "below" / "here"
    assert settings.plugins == (str(cwd / "below" / "p.py"), "/abs/q.py")
    flagged = load(flags={"config": str(path), "data_dir": "there"}, env={}, cwd=cwd)
    assert flagged.data_dir == cwd / "there"
    assert flagged.origin("data_dir") == "flag --data-dir"


def test_the_users_home_may_be_written_with_a_tilde(cwd: Path, tmp_path: Path) -> None:
    assert read(cwd, 'data_dir = "~/lake"\n').data_dir == tmp_path / "home" / "lake"


def test_without_a_home_the_folder_has_to_be_given(
    cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # no HOME, no such user
    trap = cwd / "~" / ".config" / "alphastock"
    trap.mkdir(parents=True)
    (trap / "config.toml").write_text('plugins = ["evil.py"]\n')
    monkeypatch.chdir(cwd)
    with pytest.raises(ConfigError, match="no home folder") as caught:
        load(flags={}, env={}, cwd=cwd)
    assert "ALPHASTOCK_DATA_DIR" in caught.value.hint
    settings = load(flags={"data_dir": "/x"}, env={}, cwd=cwd)
    assert (settings.data_dir, settings.plugins) == (Path("/x"), ())
