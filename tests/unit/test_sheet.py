"""A screen written without Rich is character for character what Rich prints without colours."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from alphastock_cli.views.sheet import Column, Grid, Words, written

TEXT = st.text("ab c·–₹█\n", max_size=60)
CELL = st.text("ab1·█ ", max_size=6)


def by_rich(part: Words | Grid, width: int) -> str:
    out = io.StringIO()
    Console(
        file=out, width=width, color_system=None, highlight=False, markup=False, emoji=False
    ).print(part)
    return out.getvalue()


@settings(max_examples=300, deadline=None)
@given(TEXT, TEXT, st.integers(5, 40))
def test_words_are_folded_as_rich_folds_them(first: str, second: str, width: int) -> None:
    part = Words((first, "bold"), second)
    ours = part.written(width)
    assert ours is None or ours == by_rich(part, width)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=4), st.integers(0, 2), st.integers(8, 40))
def test_grids_are_drawn_as_rich_draws_them(
    rows: list[tuple[str, str, str]], gap: int, width: int
) -> None:
    made = Grid(
        [Column("a", "right", 6), Column("strike", "center", 7), Column("", "left", 6)], gap=gap
    )
    made.rows = [([(text, "cyan") for text in row], "bold") for row in rows]
    ours = made.written(width)
    assert (ours is None) == (width < 19 + 2 * (1 + gap))
    assert ours is None or ours == by_rich(made, width)


@pytest.mark.parametrize("text", ["बैंक", "日本", "a\tb", "x" * 41, "a\x1b[31mb"])
def test_what_is_of_unknown_width_is_left_to_rich(text: str) -> None:
    assert Words(text).written(40) is None
    assert written([Words("a"), Words(text)], 40) is None


def test_a_part_of_rich_itself_is_left_to_rich() -> None:
    assert written([Words("a"), object()], 40) is None
    assert written([Words("a"), Words()], 40) == "a\n\n"
