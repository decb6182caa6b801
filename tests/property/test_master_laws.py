"""Laws of reading masters: the order of rows and columns says nothing, and no row is lost."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.store.master_checks import check_master
from alphastock_cli.store.masters import read_master
from tests.unit.master_texts import HEADER, ROWS, contract, write

DAY = date(2026, 8, 18)
BAD = (
    contract(900, lot=0), contract(901, tick=0.0), contract(902, expiry="2026-08-17"),
    contract(903, expiry="x"), ROWS[1] + ",1", ROWS[1].replace("25000.0", "NaN"), "1,2,3",
)  # fmt: skip
cells = st.text(st.characters(codec="utf-8", exclude_characters="\n\r,"), max_size=12)
anything = st.lists(cells, min_size=1, max_size=14).map(",".join)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.sampled_from([*ROWS, *BAD]), min_size=1, max_size=20), data=st.data())
def test_no_row_is_lost_and_order_says_nothing(rows: list[str], data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        first = check_master(read_master(write(Path(folder), *rows)), DAY)
        assert first.rows == len(rows)
        assert first.frame.height + first.rejects.height + first.repeated == first.rows
        assert not first.frame.select("exchange", "tradingsymbol").is_duplicated().any()
        turned = data.draw(st.permutations(rows))
        second = check_master(read_master(write(Path(folder), *turned)), DAY)
        order = ["exchange", "tradingsymbol"]
        assert second.frame.sort(order).equals(first.frame.sort(order))
        names = HEADER.split(",")
        whole = [row for row in rows if row.count(",") == len(names) - 1]
        if whole:
            places = data.draw(st.permutations(range(len(names))))
            moved = [",".join(row.split(",")[p] for p in places) for row in whole]
            head = ",".join(names[p] for p in places)
            third = check_master(read_master(write(Path(folder), *moved, header=head)), DAY)
            plain = check_master(read_master(write(Path(folder), *whole)), DAY)
            assert third.frame.equals(plain.frame)


@given(rows=st.lists(anything, min_size=1, max_size=8))
def test_whatever_stands_in_a_line_it_is_judged_and_never_an_error(rows: list[str]) -> None:
    with TemporaryDirectory() as folder:
        found = check_master(read_master(write(Path(folder), ROWS[0], *rows)), DAY)
        assert found.rejects["reason"].null_count() == 0
        assert found.frame["tradingsymbol"].to_list().count("NIFTY26AUGFUT") == 1
