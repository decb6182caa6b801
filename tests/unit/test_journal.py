"""The ledger: one writer, whole transactions, sums of nothing, and nothing believed unproved."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from alphastock_cli.domain.decisions import Approved, Reason, Rejected, RiskState
from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import OrderEvent, OrderStatus, Product
from alphastock_cli.errors import DamagedData, Locked, StorageError
from alphastock_cli.store.journal import Journal
from alphastock_cli.store.journal_rows import SCHEMA_VERSION, paise, rupees
from alphastock_cli.store.journal_verify import cash_paise
from alphastock_cli.trading.portfolio import Portfolio
from tests.unit.ledger_makers import CASH, D, bought, state_of, verdict, writing
from tests.unit.trading_makers import DAY, FUTURE, TEN, at, fill, order, signal, stop


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledgers" / "paper.ledger"


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


def test_whether_a_share_has_derivatives_is_what_was_known_last(path: Path) -> None:
    def told() -> bool | None:
        with Journal.read(path) as journal:
            found = journal.orders()[0].order.instrument
            return found.has_derivatives

    base = replace(order(), instrument=replace(order().instrument, has_derivatives=None))
    wanted: list[bool | None] = [None, True, True, False, None]
    for count, (given, after) in enumerate(
        zip(wanted, [None, True, True, False, False], strict=True), start=1
    ):
        share = replace(base.instrument, has_derivatives=given)
        with writing(path) as journal, journal.transaction() as book:
            book.intend(replace(base, order_id=str(count), tag=f"T{count}", instrument=share))
        assert told() is after
