"""Instrument masters: what is read, what is refused, what the oddities of real ones become."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from alphastock_cli.domain.frames import INSTRUMENTS_DAY
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.store.master_checks import Checked, check_master
from alphastock_cli.store.masters import read_master
from tests.unit import master_texts as texts
from tests.unit.master_texts import CALL, FUTURE, SHARE, write

DAY = date(2026, 8, 18)


def checked(path: Path, day: date = DAY) -> Checked:
    return check_master(read_master(path), day)


def by_symbol(found: Checked) -> dict[str, dict[str, Any]]:
    return {row["tradingsymbol"]: row for row in found.frame.iter_rows(named=True)}


def reasons(found: Checked) -> dict[int, str]:
    return dict(found.rejects.select("row", "reason").iter_rows())


def test_every_kind_of_row_becomes_what_it_is(tmp_path: Path) -> None:
    found = checked(write(tmp_path, *texts.ROWS))
    assert (found.rows, found.frame.height, found.rejects.height) == (8, 8, 0)
    assert found.frame.schema == INSTRUMENTS_DAY
    rows = by_symbol(found)
    assert rows["NIFTY26AUG25000CE"] == {
        "date": DAY, "exchange": "NFO", "segment": "NFO-OPT", "tradingsymbol": "NIFTY26AUG25000CE",
        "name": "NIFTY", "instrument_token": 102, "exchange_token": "2", "asset_type": "options",
        "underlying": "NIFTY", "expiry": date(2026, 8, 25), "strike": 25000.0, "option_type": "CE",
        "lot_size": 65, "tick_size": 0.05, "source": "kite_instruments",
    }  # fmt: skip
    kinds = {name: row["asset_type"] for name, row in rows.items()}
    assert kinds["NIFTY26AUGFUT"] == "futures"
    assert kinds["NIFTY 50"] == "index", "by its segment: its type is EQ as that of shares"
    assert (kinds["SBIN"], kinds["710TN54-SG"]) == ("equity", "equity")
    assert (kinds["GOLD26DECFUT"], kinds["USDINR26SEP90CE"]) == ("commodity", "currency")


def test_nothing_known_is_null_and_never_0(tmp_path: Path) -> None:
    rows = by_symbol(checked(write(tmp_path, *texts.ROWS)))
    index, bond, future = rows["NIFTY 50"], rows["710TN54-SG"], rows["NIFTY26AUGFUT"]
    assert (index["lot_size"], index["tick_size"]) == (None, None)
    assert (bond["name"], bond["lot_size"]) == (None, 100)
    for row in (index, bond):
        assert [row[c] for c in ("underlying", "expiry", "strike", "option_type")] == [None] * 4
    assert (future["strike"], future["option_type"]) == (None, None)


def test_a_master_saved_by_pandas_or_by_a_spreadsheet_reads_the_same(tmp_path: Path) -> None:
    plain = checked(write(tmp_path, CALL, FUTURE))
    indexed = write(tmp_path, f"0,{CALL}", f"1,{FUTURE}", name="p.csv.gz",
                    header=f",{texts.HEADER}")  # fmt: skip
    saved = [
        row.replace("2026-08-25", "25-08-2026").replace("0.0,", "0,").replace("25000.0", "25000")
        for row in (CALL, FUTURE)
    ]
    spread = write(tmp_path, *saved, name="s.csv")
    spread.write_bytes(b"\xef\xbb\xbf" + spread.read_bytes().replace(b"\n", b"\r\n"))
    floats = write(tmp_path, CALL.replace(",65,", ",65.0,").replace("102,", "102.0,", 1), FUTURE,
                   name="f.csv")  # fmt: skip
    for path in (indexed, spread, floats):
        assert checked(path).frame.equals(plain.frame), path.name


def test_columns_are_found_by_name_not_by_place(tmp_path: Path) -> None:
    names = texts.HEADER.split(",")
    turned = [",".join(reversed(row.split(","))) for row in texts.ROWS]
    path = write(tmp_path, *turned, header=",".join(reversed(names)), name="r.csv")
    assert checked(path).frame.equals(checked(write(tmp_path, *texts.ROWS)).frame)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (CALL + ",1", "more cells than the header"),
        (CALL.removesuffix(",NFO"), "no exchange"),
        (CALL.replace("NIFTY26AUG25000CE", ""), "no tradingsymbol"),
        (CALL.replace("NIFTY26AUG25000CE", "X" * 10_000_000), "a cell longer than 100 bytes"),
        (CALL.replace(",CE,", ",XX,"), "the type is not known"),
        (CALL.replace("NFO-OPT", "NFO-FUT"), "segment and type disagree"),
        (CALL.replace(",NIFTY,", ",,"), "a derivative without an underlying"),
        (CALL.replace("2026-08-25", "soon"), "the expiry is not a date"),
        (CALL.replace("2026-08-25", ""), "a derivative without an expiry"),
        (CALL.replace("2026-08-25", "2026-08-17"), "expired before the day of the master"),
        (CALL.replace("25000.0", "NaN"), "an option without a strike"),
        (CALL.replace("25000.0", "inf"), "an option without a strike"),
        (CALL.replace("25000.0", "0"), "an option without a strike"),
        (CALL.replace(",65,", ",0,"), "the lot is not a positive whole number"),
        (CALL.replace(",65,", ",-65,"), "the lot is not a positive whole number"),
        (CALL.replace(",65,", ",65.5,"), "the lot is not a positive whole number"),
        (SHARE.replace(",1,EQ", ",0,EQ"), "the lot is not a positive whole number"),
        (CALL.replace("0.05", "0.0"), "the tick is not a positive number"),
        (CALL.replace("0.05", ""), "the tick is not a positive number"),
        (CALL.replace("102,", "?,", 1), "no instrument_token"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_reason(
    tmp_path: Path, row: str, reason: str
) -> None:
    found = checked(write(tmp_path, FUTURE, row, SHARE))
    assert reasons(found) == {2: reason}
    assert len(found.rejects["raw"][0]) <= 500
    assert sorted(by_symbol(found)) == ["NIFTY26AUGFUT", "SBIN"]


def test_a_quotation_mark_that_is_not_closed_eats_no_rows(tmp_path: Path) -> None:
    quoted = SHARE.replace("STATE BANK OF INDIA", '"STATE, BANK"')
    closed = checked(write(tmp_path, CALL, quoted, FUTURE))
    assert by_symbol(closed)["SBIN"]["name"] == "STATE, BANK"
    for name in ('"STATE BANK', 'STATE "BANK', '"STATE" BANK'):
        torn = SHARE.replace("STATE BANK OF INDIA", name)
        found = checked(write(tmp_path, CALL, "", torn, FUTURE, texts.BOND))
        assert (found.frame.height, found.rejects.height) == (4, 0), name
        assert by_symbol(found)["SBIN"]["name"] == name.strip('"')
    both = checked(write(tmp_path, CALL, quoted, SHARE.replace("STATE", '"STATE'), FUTURE))
    assert reasons(both) == {2: "more cells than the header"}


def test_of_rows_that_contradict_each_other_none_is_taken(tmp_path: Path) -> None:
    lot = CALL.replace(",65,", ",75,")
    token = texts.PUT.replace("103,", "101,", 1)
    found = checked(write(tmp_path, CALL, lot, FUTURE, token, SHARE))
    same_key = "another row has the same exchange and tradingsymbol"
    same_token = "another symbol has the same instrument_token"
    assert reasons(found) == {1: same_key, 2: same_key, 3: same_token, 4: same_token}
    assert list(by_symbol(found)) == ["SBIN"]


def test_a_row_repeated_exactly_is_one_row(tmp_path: Path) -> None:
    found = checked(write(tmp_path, CALL, SHARE, CALL, CALL))
    assert (found.rows, found.frame.height, found.repeated) == (4, 2, 2)
    assert found.rejects.is_empty()


def test_exchanges_we_do_not_know_are_left_out_and_counted(tmp_path: Path) -> None:
    strange = SHARE.replace("NSE,NSE", "NCO,NCO").replace("104,", "204,")
    found = checked(write(tmp_path, SHARE, strange, strange.replace("NCO", "GLOBAL")))
    assert dict(found.elsewhere) == {"NCO": 1, "GLOBAL": 1}
    assert (found.rows, found.rejects.height) == (1, 0)


def test_the_other_form_has_its_own_columns(tmp_path: Path) -> None:
    rows = (
        "1,MCX,mcx_fo,GOLD,243252,OPTFUT,CE,54100,X,GOLD23MAY54100CE,X,2023-05-25,1,0.5",
        "2,MCX,mcx_fo,COPPER,1,FUTCOM,,0,X,COPPER23MAYFUT,X,2023-05-31,2500,0.05",
        "3,CDS,cde_fo,EURINR,1001,FUTCUR,XX,-1,X,EURINR23JUNFUT,X,27-06-2023,1,0.0025",
    )
    found = checked(write(tmp_path, *rows, header=texts.OTHER_HEADER), date(2023, 4, 25))
    assert found.rejects.is_empty()
    gold, copper, euro = (by_symbol(found)[n] for n in
                          ("GOLD23MAY54100CE", "COPPER23MAYFUT", "EURINR23JUNFUT"))  # fmt: skip
    assert (gold["segment"], gold["option_type"], gold["strike"]) == ("MCX-OPT", "CE", 54100.0)
    assert (copper["segment"], copper["strike"], copper["lot_size"]) == ("MCX-FUT", None, 2500)
    assert (euro["expiry"], euro["tick_size"]) == (date(2023, 6, 27), 0.0025)
    assert {row["instrument_token"] for row in (gold, copper, euro)} == {None}
    assert gold["exchange_token"] == "243252"


def test_files_that_are_no_masters_are_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_master(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="is a folder"):
        read_master(tmp_path)
    lacking = texts.HEADER.replace("lot_size,", "")
    with pytest.raises(BadReply, match="lacks lot_size; its columns: instrument_token"):
        read_master(write(tmp_path, "1", header=lacking))
    with pytest.raises(BadReply, match="holds no row"):
        read_master(write(tmp_path))
    for data, words in (
        (b"", "not text with a header"),
        (b"PK\x03\x04", "zip archive"),
        (gzip.compress(b"x" * 100)[:-9], "archive is damaged"),
        (b"\x00\x01\x02\n", "not text"),
    ):
        path = tmp_path / "bad.csv"
        path.write_bytes(data)
        with pytest.raises(BadReply, match=words):
            read_master(path)
