"""Foreign text is inert in a terminal and in a spreadsheet, and still readable."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alphastock_cli.safety import escape_csv_cell, safe_text

NASTY = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            ["\x1b[31m", "\x1b]52;c;AAAA\x07", "\x1b]8;;http://x\x1b\\", "\x9b2J", "\x9d0;t\x9c",
             "\x1bP", "\x1b", "\x07", "\u202e", "\u200b", "\ufeff", "\u2028", "\r\n", "\x00",
             "\ud800", "[bold]", "\u3164", "\ufe0f", "\x1b(0", "\x9f"]
        ),
    ),
    max_size=30,
).map("".join)  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("SBIN", "SBIN"),
        ("M&M", "M&M"),
        ("SBIN\x1b[31m red\x1b[0m", "SBIN· red·"),
        ("a\x1b]52;c;cm0gLXJm\x07b", "a·b"),
        ("a\x1b]8;;http://x\x1b\\b", "a·b"),
        ("a\x9b2Jb", "a·b"),
        ("a\x9d0;title\x9cb", "a·b"),
        ("a\x1bPq payload\x1b\\b", "a·b"),
        ("a\x1b(0b", "a·b"),
        ("Foo\x9d Ltd", "Foo· Ltd"),
        ("a\x1b]2;never ends", "a·2;never ends"),
        ("abc\u202etxt.exe", "abc·txt.exe"),
        ("two\nlines\r\n", "two·lines··"),
        ("tab\there", "tab·here"),
        ("nul\x00", "nul·"),
        ("zero\u200bwidth\u2060", "zero·width·"),
        ("line\u2028para\u2029", "line·para·"),
        ("half \ud83d", "half ·"),
        ("filler\u3164\u2800\ufe0f", "filler···"),
        ("e\u0301", "é"),
        ("भारत", "भारत"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
        ("", ""),
    ],
)
def test_text_becomes_inert_and_shows_that_something_was_there(raw: str, shown: str) -> None:
    assert safe_text(raw) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert safe_text("x" * 200) == "x" * 200
    assert safe_text("x" * 201) == "x" * 199 + "…"
    assert safe_text("x" * 1_000_000, limit=5) == "xxxx…"
    assert safe_text("\x1b[31m" * 100_000 + "x", limit=300).endswith("…"), "nothing lost unsaid"
    assert safe_text("xyz", limit=1) == "…"


@given(NASTY, st.integers(1, 60))
@example("\x1b" * 50, 3)
def test_no_control_character_ever_comes_out(text: str, limit: int) -> None:
    out = safe_text(text, limit=limit)
    assert len(out) <= limit
    assert not {unicodedata.category(c) for c in out} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert out.encode("utf-8").decode() == out
    assert safe_text(out, limit=limit) == out, "twice is once"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200))
def test_plain_text_is_left_alone(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.parametrize(
    ("raw", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1+1", "'+1+1"),
        ("-2+3+cmd|x", "'-2+3+cmd|x"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("-", "'-"),
        ("-12.5", "'-12.5"),
        ("+1", "'+1"),
        ("12.5", "12.5"),
        ("M&M", "M&M"),
        ("BAJAJ-AUTO", "BAJAJ-AUTO"),
        ("", ""),
    ],
)
def test_what_begins_like_a_formula_becomes_text(raw: str, cell: str) -> None:
    assert escape_csv_cell(raw) == cell


@given(st.text(max_size=40))
def test_a_cell_never_begins_as_a_formula_and_keeps_its_text(text: str) -> None:
    cell = escape_csv_cell(text)
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert cell.lstrip(" ")[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow([cell, "end"])
    buffer.seek(0)
    assert next(csv.reader(buffer)) == [cell, "end"]


def test_it_is_cheap_to_import() -> None:
    code = (
        "import sys, alphastock_cli.safety; print({'polars', 'numpy', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
