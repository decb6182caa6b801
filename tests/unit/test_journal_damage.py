"""A ledger that is damaged or tampered with: told, never believed, never made anew."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest

from alphastock_cli.domain.decisions import RiskState
from alphastock_cli.domain.instrument import Side
from alphastock_cli.errors import DamagedData, Locked, StorageError
from alphastock_cli.store.journal import Journal, set_aside
from alphastock_cli.store.journal_verify import cash_paise
from tests.conftest import IST
from tests.unit.ledger_makers import D, bought, verdict, writing
from tests.unit.trading_makers import DAY, SHARE, TEN, at, limit, order


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledgers" / "paper.ledger"


# -- damage ---------------------------------------------------------------------------------------


def spoiled(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100, b"SQLite format 3\0"])
def test_what_is_no_ledger_is_never_made_one(path: Path, content: bytes) -> None:
    spoiled(path, content)
    for opened in (lambda: writing(path), lambda: Journal.read(path)):
        with pytest.raises(DamagedData) as caught, opened():
            pytest.fail("opened")
        assert caught.value.exit_code == 8
        assert caught.value.hint
        assert path.read_bytes() == content


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_a_truncated_ledger_is_told_and_left_alone(path: Path, keep: float) -> None:
    with writing(path) as journal:
        for i in range(200):
            bought(journal, order_id=str(i), units=1)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    told = []
    with contextlib.suppress(DamagedData), writing(path) as journal:
        told.append("opened")
        assert verdict(journal) != []
        told.append("found")
    assert told != ["opened"]
    assert path.stat().st_size <= len(whole) * keep + 4096


def test_somebody_elses_database(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(DamagedData, match="not ours"), writing(path):
        pytest.fail("opened")
    assert path.read_bytes() == before


def test_a_ledger_of_the_future_is_refused(path: Path) -> None:
    with writing(path):
        pass
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    db.close()
    for opened in (lambda: writing(path), lambda: Journal.read(path)):
        with pytest.raises(DamagedData, match="schema version 99"), opened():
            pytest.fail("opened")


def test_a_log_without_its_ledger_is_not_replayed_into_a_new_one(path: Path) -> None:
    with writing(path) as journal:
        bought(journal)
        shutil.copy(f"{path}-wal", f"{path}-kept")
    path.unlink()
    Path(f"{path}-kept").rename(f"{path}-wal")
    with pytest.raises(DamagedData, match="log"), writing(path):
        pytest.fail("made anew")
    assert not path.exists()


def test_a_crash_while_it_is_made_leaves_no_ledger(path: Path) -> None:
    with writing(path):
        pass
    assert not list(path.parent.glob("*.part"))


def test_put_aside_it_is_whole_and_the_name_is_free(path: Path) -> None:
    with writing(path) as journal:
        bought(journal)
        with pytest.raises(Locked):
            set_aside(path, "paper", at=TEN)
    kept = set_aside(path, "paper", at=TEN)
    with Journal.read(kept) as journal:
        assert len(journal.fills()) == 1
        assert verdict(journal) == []
    with writing(path) as journal:
        assert journal.fills() == []


# -- tampering ------------------------------------------------------------------------------------

TAMPERED = [
    "UPDATE fills SET price = '99.95' WHERE number = 1",
    "UPDATE fills SET quantity = 99 WHERE number = 1",
    "UPDATE fills SET charges = charges - 1 WHERE number = 1",
    "UPDATE fills SET side = 'SELL' WHERE number = 1",
    "UPDATE fills SET time = '2026-11-20T10:00:01+05:30' WHERE number = 1",
    "UPDATE fills SET quote_time = '2026-11-20T09:00:01+05:30' WHERE number = 1",
    "UPDATE fills SET fidelity = 'T' WHERE number = 1",
    "UPDATE fills SET product = 'CNC' WHERE number = 1",
    "UPDATE fills SET fidelity = 'NONSENSE' WHERE number = 1",
    "UPDATE fills SET price = 'cheap' WHERE number = 1",
    "DELETE FROM fills WHERE number = 2",
    """INSERT INTO fills SELECT 9, order_id, 2, key, side, product, 1, price, 0, time, fidelity,
    quote_time FROM fills WHERE number = 1""",
    "UPDATE postings SET paise = paise + 1 WHERE number = 3",
    "UPDATE postings SET paise = paise + 1 WHERE account = 'cash'",
    "UPDATE postings SET account = 'held NSE:SBIN' WHERE account = 'charges'",
    "DELETE FROM postings WHERE event = '1/1'",
    "INSERT INTO postings VALUES (90, 'gift', 'cash', 5), (91, 'gift', 'capital', -5)",
    "UPDATE positions SET quantity = quantity + 1",
    "UPDATE positions SET cost = cost + 1",
    "UPDATE positions SET opened_at = '2026-11-19T10:00:00+05:30'",
    "DELETE FROM positions",
    "INSERT INTO positions VALUES ('NSE:SBIN', 'CNC', 5, 0, 0, 0, NULL)",
    "UPDATE orders SET status = 'OPEN' WHERE order_id = '1'",
    "UPDATE orders SET status = 'NONSENSE' WHERE order_id = '1'",
    "UPDATE orders SET quantity = 101 WHERE order_id = '1'",
    "UPDATE orders SET filled_quantity = 99 WHERE order_id = '1'",
    "UPDATE orders SET average_price = '1' WHERE order_id = '1'",
    "UPDATE orders SET limit_price = '1' WHERE order_id = '1'",
    "UPDATE orders SET body = replace(body, 'MIS', 'CNC') WHERE order_id = '1'",
    "UPDATE orders SET body = '{' WHERE order_id = '1'",
    "UPDATE order_events SET status = 'CANCELLED' WHERE number = 1",
    "UPDATE order_events SET message = 'lie' WHERE number = 2",
    "DELETE FROM order_events WHERE number = 1",
    "DELETE FROM order_events WHERE number = (SELECT max(number) FROM order_events)",
    "DELETE FROM order_events",
    "UPDATE meta SET value = '20000000' WHERE key = 'opening_cash'",
    "UPDATE instruments SET body = '[]'",
    "UPDATE risk SET value = '\"much\"' WHERE key = 'peak_equity'",
    "DELETE FROM orders WHERE order_id = '2'",
]  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("sound") / "a.ledger"
    with writing(where) as journal:
        bought(journal)
        bought(journal, order_id="2", units=40, side=Side.SELL, price="101.00")
        with journal.transaction() as book:
            book.intend(limit("90", order_id="3"))
            book.remember(RiskState(day=DAY, peak_equity=D(5)))
        assert verdict(journal) == []
    return where


@pytest.mark.parametrize("statement", TAMPERED)
def test_tampering_is_found(sound: Path, tmp_path: Path, statement: str) -> None:
    mine = tmp_path / "a.ledger"
    shutil.copy(sound, mine)
    with sqlite3.connect(mine) as db:
        assert db.execute(statement).rowcount >= 1
    db.close()
    with Journal.read(mine) as journal:
        assert verdict(journal) != []


def test_a_row_that_cannot_be_read_is_named(sound: Path, tmp_path: Path) -> None:
    mine = tmp_path / "a.ledger"
    shutil.copy(sound, mine)
    with sqlite3.connect(mine) as db:
        db.execute("UPDATE orders SET status = 'NONSENSE' WHERE order_id = '2'")
    db.close()
    with Journal.read(mine) as journal, pytest.raises(DamagedData, match="row 2 of orders"):
        journal.orders()


def test_flipped_bits_are_found_or_harmless(sound: Path, tmp_path: Path) -> None:
    """Every flip leads to the same values, a finding, or a refusal: never to other values."""
    whole = sound.read_bytes()
    with Journal.read(sound) as journal:
        expected = (journal.orders(), journal.fills(), cash_paise(journal))
    mine, found = tmp_path / "a.ledger", 0
    for i in range(0, len(whole), 1009):
        mine.write_bytes(whole[:i] + bytes([whole[i] ^ (1 << i % 8)]) + whole[i + 1 :])
        try:
            with Journal.read(mine) as journal:
                if verdict(journal):
                    found += 1
                else:
                    assert (journal.orders(), journal.fills(), cash_paise(journal)) == expected
        except (DamagedData, StorageError):
            found += 1
    assert found > 0


def test_an_older_moment_sorts_before_a_later_one(path: Path) -> None:
    with writing(path) as journal:
        for i, moment in enumerate((at(0.5), at(0), datetime(2026, 11, 20, 10, 0, 2, tzinfo=IST))):
            with journal.transaction() as book:
                book.intend(order(order_id=str(i), placed_at=moment))
        assert journal.last_moment() == at(2)


def test_marks_and_instruments_survive(path: Path) -> None:
    with writing(path) as journal:
        bought(journal)
        assert journal.orders()[0].order.instrument == SHARE
