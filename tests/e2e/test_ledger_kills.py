"""An acknowledged fill is never lost: kill -9 at random moments, again and again.

More of them: ``ALPHASTOCK_KILLS=1000 pytest tests/e2e/test_ledger_kills.py``.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alphastock_cli.store.journal import Journal
from alphastock_cli.store.journal_verify import cash_paise, findings
from alphastock_cli.trading.portfolio import Portfolio

KILLS = int(os.environ.get("ALPHASTOCK_KILLS", "50"))
SEED = int(os.environ.get("ALPHASTOCK_KILL_SEED", "20261120"))
DAY = Path(__file__).with_name("paper_day.py")
ROOT = DAY.parents[2]
FILL = re.compile(r"(\d{12}/\d+) (\d+) ([\d.]+)")


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, str(DAY), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=env,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def one_life(nursery: subprocess.Popen[str], path: Path, draws: random.Random) -> list[str]:
    """Let a child live for a random moment, kill it, and return what it said."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{path} {draws.randrange(10**9)}\n")
    nursery.stdin.flush()
    said = [nursery.stdout.readline().rstrip()]
    pid = int(said[0].removeprefix("pid "))
    if draws.random() < 0.8:  # the others die while they open the ledger
        said.append(nursery.stdout.readline().rstrip())
        assert said[-1].startswith("ready "), said
        time.sleep(draws.uniform(0.0, 0.12))
    else:
        time.sleep(draws.uniform(0.0, 0.1))
    os.kill(pid, signal.SIGKILL)
    while not said[-1].startswith("ended"):
        said.append(nursery.stdout.readline().rstrip())
    assert said[-1] == "ended -9", said[-3:]
    return said[1:-1]


def test_what_was_acknowledged_is_there_once(tmp_path: Path) -> None:
    path, draws = tmp_path / "kills" / "a.ledger", random.Random(SEED)
    acknowledged: list[str] = []
    with started() as nursery:
        for _ in range(KILLS):
            acknowledged += [line for line in one_life(nursery, path, draws) if FILL.match(line)]
    assert len(acknowledged) > KILLS, "it did trade"
    with Journal.read(path) as journal:
        fills = journal.fills()
        written = Counter(f"{f.order_id}/{f.seq} {f.quantity} {f.price}" for f in fills)
        told = Counter(acknowledged)
        assert not told - written, "an acknowledged fill is lost"
        assert max(written.values()) == 1, "a fill is there twice"
        assert max(told.values()) == 1
        assert len(fills) - len(acknowledged) <= KILLS, "at most one a kill was not told any more"
        folded = Portfolio.of(journal.opening_cash(), fills)
        assert cash_paise(journal) == int(folded.cash * 100)
        assert findings(journal, Portfolio.of(journal.opening_cash())) == []
    began = time.monotonic()
    with started(str(path), "1") as last:
        assert last.stdout is not None
        ready = last.stdout.readline()
        assert ready.startswith("ready "), ready
        assert float(ready.split()[1]) < 2.0, f"{len(fills)} fills took {ready}"
        assert FILL.match(last.stdout.readline()), "and it goes on"
        last.send_signal(signal.SIGKILL)
        last.wait(5)
    assert time.monotonic() - began < 10.0
    with Journal.read(path) as journal:
        assert findings(journal, Portfolio.of(journal.opening_cash())) == []


def test_two_writers_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.ledger"
    with started(str(path), "1") as first:
        assert first.stdout is not None
        assert first.stdout.readline().startswith("ready")
        with started() as nursery:
            assert nursery.stdin is not None
            assert nursery.stdout is not None
            assert nursery.stderr is not None
            nursery.stdin.write(f"{path} 2\n")
            nursery.stdin.flush()
            assert nursery.stdout.readline().startswith("pid")
            began = time.monotonic()
            assert nursery.stdout.readline() == "ended 11\n"
            assert time.monotonic() - began < 1.0
            assert f"process {first.pid} is writing to" in nursery.stderr.readline()
        with Journal.read(path) as journal:
            before = len(journal.fills())
            time.sleep(0.2)
            assert len(journal.fills()) > before, "the first one was not disturbed"


def test_readers_wait_for_nobody_and_see_whole_events(tmp_path: Path) -> None:
    path = tmp_path / "a.ledger"
    with started(str(path), "3") as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline().startswith("ready")
        assert FILL.match(writer.stdout.readline())
        slowest, seen = 0.0, 0
        for _ in range(20):
            began = time.monotonic()
            with Journal.read(path) as journal:
                journal.db.execute("BEGIN")  # one moment of the ledger
                seen = len(journal.fills())
                slowest = max(slowest, time.monotonic() - began)
                assert findings(journal, Portfolio.of(journal.opening_cash())) == []
    assert seen > 0
    assert slowest < 1.0
