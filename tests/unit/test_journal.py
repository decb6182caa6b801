"""The ledger: one writer, whole transactions, sums of nothing, and nothing believed unproved."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from alphastock_cli.domain.decisions import Approved, Reason, Rejected, RiskState
from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import OrderEvent, OrderState, OrderStatus, Product
from alphastock_cli.errors import DamagedData, Locked, StorageError
from alphastock_cli.store.journal import Journal, set_aside
from alphastock_cli.store.journal_rows import SCHEMA_VERSION, paise, rupees
from alphastock_cli.store.journal_verify import cash_paise, findings
from alphastock_cli.trading.portfolio import Portfolio
from tests.conftest import IST
from tests.unit.trading_makers import DAY, FUTURE, SHARE, TEN, at, fill, limit, order, signal, stop

D = Decimal
CASH = D("100000.00")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledgers" / "paper.ledger"


@contextmanager
def writing(path: Path, **more: object) -> Iterator[Journal]:
    fields = {"account": "paper", "opening_cash": CASH, "at": TEN} | more
    with Journal.write(path, **fields) as journal:
        yield journal


def state_of(placed, status=OrderStatus.OPEN, filled=0, **more) -> OrderState:
    return OrderState(order=placed, status=status, filled_quantity=filled, updated_at=TEN, **more)


def bought(journal: Journal, *, order_id: str = "1", units: int = 100, price: str = "100.05",
           side: Side = Side.BUY, charges: str = "12.34") -> Portfolio:  # fmt: skip
    """Write an order and its one fill, as the desk does."""
    placed = order(units, side, order_id=order_id)
    folded = Portfolio.of(journal.opening_cash(), journal.fills())
    with journal.transaction() as book:
        book.intend(placed)
    made = fill(units, price, side, charges=charges, order_id=order_id)
    event = OrderEvent(
        state=state_of(placed, OrderStatus.COMPLETE, units, average_price=D(price)), fill=made
    )
    with journal.transaction() as book:
        return book.post(event, folded)


def verdict(journal: Journal) -> list[str]:
    return findings(journal, Portfolio.of(journal.opening_cash()))


# -- opening --------------------------------------------------------------------------------------


def test_a_new_ledger(path: Path) -> None:
    with writing(path) as journal:
        assert journal.meta("account") == "paper"
        assert journal.meta("schema_version") == str(SCHEMA_VERSION)
        assert journal.meta("nothing") == ""
        assert journal.opening_cash() == CASH
        assert cash_paise(journal) == 10_000_000
        assert (journal.orders(), journal.fills(), journal.signals()) == ([], [], [])
        assert journal.risk_state() == RiskState()
        assert journal.last_moment() is None
        assert verdict(journal) == []
        modes = [journal.db.execute(f"PRAGMA {x}").fetchone()[0] for x in
                 ("journal_mode", "synchronous", "foreign_keys")]  # fmt: skip
        assert modes == ["wal", 2, 1], "a log, full synchronisation, references kept"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(p.name for p in path.parent.iterdir()) == ["paper.ledger", "paper.lock"]


def test_opened_again_it_keeps_what_it_has_and_its_first_cash(path: Path) -> None:
    with writing(path) as journal:
        expected = bought(journal)
    with writing(path, opening_cash=D(5)) as journal:
        assert journal.opening_cash() == CASH
        assert Portfolio.of(journal.opening_cash(), journal.fills()) == expected


def test_the_umask_opens_nothing(path: Path) -> None:
    before = os.umask(0)
    try:
        with writing(path) as journal:
            bought(journal)
            modes = {p.name: p.stat().st_mode & 0o777 for p in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}, modes


def test_cash_of_half_a_paisa_is_no_cash(path: Path) -> None:
    with (
        pytest.raises(ValueError, match="whole number of paise"),
        writing(path, opening_cash=D("0.005")),
    ):
        pytest.fail("made")
    assert not path.exists()


def test_no_ledger_to_read(path: Path) -> None:
    with pytest.raises(StorageError, match="no ledger 'paper'"), Journal.read(path):
        pytest.fail("read")
    assert not path.exists()


_SECOND = """
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from alphastock_cli.errors import AlphaStockError
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.store.journal import Journal
try:
    with Journal.write(Path(sys.argv[1]), account="paper", opening_cash=Decimal(1),
                       at=datetime(2026, 11, 20, tzinfo=IST)):
        print("opened")
except AlphaStockError as error:
    print(error.what)
    sys.exit(error.exit_code)
"""


def test_a_second_writer_is_told_who_the_first_one_is(path: Path) -> None:
    with writing(path) as journal:
        bought(journal)
        began = time.monotonic()
        second = subprocess.run(
            [sys.executable, "-c", _SECOND, str(path)], capture_output=True, text=True, check=False
        )
        assert time.monotonic() - began < 5.0
        assert second.returncode == 11
        assert f"process {os.getpid()} " in second.stdout
        assert "'paper'" in second.stdout
        with pytest.raises(Locked), writing(path):
            pytest.fail("two writers")
        bought(journal, order_id="2")
        assert verdict(journal) == []
    with writing(path):
        pass


def test_readers_see_what_is_committed_and_disturb_nobody(path: Path) -> None:
    with writing(path) as journal, Journal.read(path) as reader:
        assert reader.fills() == []
        with journal.transaction() as book:
            book.intend(order())
            assert reader.orders() == [], "not committed yet"
        assert [s.status for s in reader.orders()] == [OrderStatus.INTENT]
        with pytest.raises((StorageError, DamagedData)), reader.transaction() as book:
            book.intend(order(order_id="2"))
        bought(journal, order_id="3")
        assert len(reader.fills()) == 1


# -- transactions ---------------------------------------------------------------------------------


def test_an_exception_leaves_nothing_and_the_ledger_goes_on(path: Path) -> None:
    def attempt(journal: Journal) -> None:
        with journal.transaction() as book:
            book.record(signal(), Approved(quantity=100, at_risk=D(1)), order(), TEN)
            book.remember(RiskState(orders_today=1))
            raise KeyboardInterrupt

    with writing(path) as journal:
        with pytest.raises(KeyboardInterrupt):
            attempt(journal)
        assert (journal.orders(), journal.signals(), journal.decisions()) == ([], [], [])
        assert journal.risk_state() == RiskState()
        bought(journal)
        assert verdict(journal) == []


def test_a_fill_that_cannot_be_booked_leaves_nothing_of_its_event(path: Path) -> None:
    with writing(path) as journal:
        placed = order()
        with journal.transaction() as book:
            book.intend(placed)
        made = replace(fill(100, "100"), charges=D("0.001"))
        event = OrderEvent(state=state_of(placed, OrderStatus.COMPLETE, 100), fill=made)
        with pytest.raises(ValueError, match="whole number"), journal.transaction() as book:
            book.post(event, Portfolio.of(CASH))
        assert [s.status for s in journal.orders()] == [OrderStatus.INTENT]
        assert journal.fills() == []
        assert cash_paise(journal) == paise(CASH)


def test_the_same_fill_twice_moves_nothing(path: Path) -> None:
    with writing(path) as journal:
        after = bought(journal)
        placed = order()
        event = OrderEvent(
            state=state_of(placed, OrderStatus.COMPLETE, 100), fill=fill(100, "100.05")
        )
        with journal.transaction() as book:
            assert book.post(event, after) is after
        assert len(journal.fills()) == 1
        assert verdict(journal) == []


def test_an_order_is_written_before_anything_happens_to_it(path: Path) -> None:
    with writing(path) as journal:
        with pytest.raises(ValueError, match="never written"), journal.transaction() as book:
            book.update(state_of(order()))
        assert journal.orders() == []


def test_the_database_itself_refuses_to_overfill(path: Path) -> None:
    with writing(path) as journal:
        placed = order(100)
        with journal.transaction() as book:
            book.intend(placed)
        with pytest.raises(DamagedData), journal.transaction() as book:
            book.update(state_of(placed, OrderStatus.OPEN, 101))
        with pytest.raises(DamagedData), journal.transaction() as book:
            book.intend(placed)
        assert verdict(journal) == []


def test_one_signal_leads_to_one_order(path: Path) -> None:
    said, yes = signal(), Approved(quantity=1, at_risk=D("0.5"))
    with writing(path) as journal:
        first = order(signal_id=said.signal_id)
        with journal.transaction() as book:
            book.record(said, yes, first, TEN)
        again = order(order_id="2", signal_id=said.signal_id)
        with pytest.raises(DamagedData), journal.transaction() as book:
            book.intend(again)
        assert len(journal.orders()) == 1


# -- what is written is what is read --------------------------------------------------------------


def test_values_come_back_as_they_were(path: Path) -> None:
    said = signal(stop_loss="98.00", target="104.50", strength=0.25)
    no = Rejected(reasons=(Reason(rule="halted", text="it is", numbers={"at": TEN}),))
    placed = stop("98.00", price="97.50", order_id="7", group="g", market_protection="1.5",
                  signal_id="s", stop_loss="95", target="110")  # fmt: skip
    later = state_of(placed, OrderStatus.OPEN, 40, average_price=D("97.5500"),
                     limit_price=D("97.50"), status_message="triggered")  # fmt: skip
    with writing(path) as journal, journal.transaction() as book:
        book.record(said, Approved(quantity=9, at_risk=D("1.005")), None, TEN)
        book.record(signal(Side.SELL), no, None, at(1))
        book.intend(placed)
        made = fill(40, "97.55", Side.SELL, order_id="7")
        book.post(OrderEvent(state=later, fill=made), Portfolio.of(CASH))
        book.remember(RiskState(day=DAY, peak_equity=D("1.23"), halted="day", why="so"))
    with Journal.read(path) as journal:
        assert journal.orders() == [later]
        assert journal.signals()[0] == (said, TEN)
        yes, refused = journal.decisions()
        assert (yes["approved"], yes["quantity"], yes["at_risk"]) == (True, 9, D("1.00"))
        assert refused["reasons"][0]["numbers"] == {"at": str(TEN)}
        assert journal.risk_state() == RiskState(
            day=DAY, peak_equity=D("1.23"), halted="day", why="so"
        )
        assert journal.last_moment() == at(1)
        assert verdict(journal) == []


def test_the_bytes_do_not_depend_on_the_zone_a_moment_is_told_in(tmp_path: Path) -> None:
    from zoneinfo import ZoneInfo

    dumps = []
    for zone in ("Asia/Kolkata", "UTC", "America/New_York"):
        where = tmp_path / zone.replace("/", "-") / "a.ledger"
        moment = TEN.astimezone(ZoneInfo(zone))
        with writing(where, at=moment) as journal:
            placed = order(placed_at=moment)
            with journal.transaction() as book:
                book.record(
                    signal(candle_time=TEN), Approved(quantity=1, at_risk=D(1)), placed, moment
                )
            with journal.transaction() as book:
                done = replace(state_of(placed, OrderStatus.COMPLETE, 100), updated_at=moment)
                book.post(
                    OrderEvent(state=done, fill=fill(100, "9", time=moment)), Portfolio.of(CASH)
                )
            dumps.append("\n".join(journal.db.iterdump()))
    assert dumps[0] == dumps[1] == dumps[2]


def test_rupees_and_paise() -> None:
    for text in ("0", "0.01", "-0.01", "123456789012.34", "-5"):
        assert rupees(paise(D(text))) == D(text)
    with pytest.raises(ValueError, match="paise"):
        paise(D("0.001"))


def test_postings_of_every_event_add_up_to_nothing(path: Path) -> None:
    with writing(path) as journal:
        bought(journal)
        bought(journal, order_id="2", units=150, side=Side.SELL, price="101.00")
        folded = bought(journal, order_id="3", units=50, price="99.95")
        rows = journal.db.execute("SELECT event, sum(paise) AS p, count(*) AS n FROM postings"
                                  " GROUP BY event").fetchall()  # fmt: skip
        assert {row["event"]: row["p"] for row in rows} == {
            "opening": 0, "1/1": 0, "2/1": 0, "3/1": 0
        }  # fmt: skip
        assert all(row["n"] >= 2 for row in rows)
        assert cash_paise(journal) == paise(folded.cash)
        assert verdict(journal) == []


def test_a_future_moves_no_value_into_what_is_held(path: Path) -> None:
    with writing(path) as journal:
        folded = Portfolio.of(CASH)
        for i, (side, price) in enumerate([(Side.BUY, "26000"), (Side.SELL, "26010.10")]):
            placed = order(65, side, order_id=str(i), instrument=FUTURE, product=Product.NRML)
            made = fill(65, price, side, order_id=str(i), instrument=FUTURE, product=Product.NRML)
            with journal.transaction() as book:
                book.intend(placed)
                done = state_of(placed, OrderStatus.COMPLETE, 65)
                folded = book.post(OrderEvent(state=done, fill=made), folded)
        accounts = {r["account"] for r in journal.db.execute("SELECT account FROM postings")}
        assert accounts == {"cash", "capital", "profit"}
        assert cash_paise(journal) == paise(CASH + D("656.50"))
        assert verdict(journal) == []


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
