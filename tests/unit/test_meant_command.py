"""Only the command that is meant is built: what a person sees is what the whole would show."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from alphastock_cli.cli.app import COMMANDS, _app_for, build
from alphastock_cli.cli.options import positionals

WORDS = [
    "", "--help", "-h", "--version", "--nosuch", "nosuch", "nosuch --help", "scn", "scan",
    "scan --help", "scan -h", "scan equties", "scan equities --help", "--help scan",
    "-q scan --help", "--provider lake scan equties", "--provider=lake scan equities --help",
    "lake", "lake stat", "lake status --nosuch", "--json nosuch", "scan --nosuch", "--provider",
    "-olake", "-oq lake --help", "-o lake scan --help", "-qv scan", "-qv scan equties", "-- scan",
    "-- nosuch", "- scan", "fetch --help", "fetch eod --help", "sql", "sql --help",
    "scan equities lake --help", "config import --help", "config import_", "--version scan",
    "scan --version", "--format json scn", "--top 5 --format json", "scan --top lake equties",
    "trade --nosuch lake", "trade --help", "lake --account paper gaps --help",
]  # fmt: skip


@pytest.mark.parametrize("text", WORDS)
def test_the_part_built_answers_like_the_whole(text: str) -> None:
    words = text.split()
    runner = CliRunner()
    part, whole = (runner.invoke(app, words) for app in (_app_for(words), build()))
    assert (part.exit_code, part.output) == (whole.exit_code, whole.output)


@pytest.mark.parametrize("name", COMMANDS)
def test_one_command_is_built_where_one_is_named(name: str) -> None:
    for words in ([name], ["--provider", "lake", "-q", name], [name, "--provider", "lake"]):
        app = _app_for(words)
        assert len(app.registered_commands) + len(app.registered_groups) == 1


def test_of_a_group_one_leaf_is_built_and_the_group_is_left_as_it_was() -> None:
    (group,) = _app_for(["lake", "--json", "status"]).registered_groups
    assert group.typer_instance is not None
    assert len(group.typer_instance.registered_commands) == 1
    (group,) = _app_for(["lake"]).registered_groups
    assert group.typer_instance is not None
    assert len(group.typer_instance.registered_commands) > 1


@pytest.mark.parametrize(
    ("text", "found", "end"),
    [
        ("scan equities", ["scan", "equities"], ""),
        ("--provider lake scan", ["scan"], ""),
        ("--provider=lake scan", ["scan"], ""),
        ("-q --json scan -o lake equities", ["scan", "equities"], ""),
        ("scan equities --exact lake", ["scan", "equities"], "--exact"),
        ("--help scan", [], "--help"),
        ("-ofile scan", [], "-ofile"),
        ("--provider", [], ""),
        ("", [], ""),
    ],
)
def test_words_are_told_from_options_and_their_values(
    text: str, found: list[str], end: str
) -> None:
    assert positionals(text.split()) == (found, end)
