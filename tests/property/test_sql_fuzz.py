"""Whatever is written as a query, no file is read and the end is an answer or words."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.actions.sql import run_sql
from alphastock_cli.errors import AlphaStockError

_PIECES = [
    "select ", "from ", "t ", "a ", "secret ", "* ", ", ", "'", '"', "`", "$$", "$a$", "/*", "*/",
    "--", "\n", "\\", "E'", "''", "(", ")", "[", "]", ";", "read_csv('{}')", "read_csv", "('{}')",
    "'{}'", "with c as ", "union all ", "where ", "in ", "join ", "as q ", "1 ", "= ", "#", "@",
    "select 1 ", "select a from t ", "select secret from read_csv('{}') ", "\r", "\x00", "explain ",
]  # fmt: skip


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "f.csv"
    path.write_text("secret\ncanary\n")
    return path


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["", "select "]), st.lists(st.sampled_from(_PIECES), max_size=14))
def test_no_query_ever_reads_a_file(canary: Path, begin: str, pieces: list[str]) -> None:
    query = begin + "".join(pieces).replace("{}", str(canary))
    code = 2
    try:
        answer = run_sql(query, {"t": pl.LazyFrame({"a": [1]})})
    except AlphaStockError as error:
        code = error.exit_code
    else:
        assert not any(value == "canary" for row in answer.rows() for value in row)
    assert code == 2
