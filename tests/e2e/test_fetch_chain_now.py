"""`fetch chain NIFTY`: what a provider has now goes into the lake, and comes out as it was."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.conftest import Cli

pytest.importorskip("starlette")

from alphastock_cli.actions.chain import ChainRequest, chain
from alphastock_cli.actions.fetch_chain_now import fetch_chain_now
from alphastock_cli.actions.option_words import parse_rate
from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.errors import ProviderError
from alphastock_cli.providers.kite import Kite
from alphastock_cli.providers.kite.budget import Budget
from alphastock_cli.providers.lake import LakeProvider
from tests.conftest import IST
from tests.sandbox_server import Running, sandbox, sandbox_process  # noqa: F401 - fixtures
from tests.unit import kite_host as host

# a provider of a stranger: the simulator's chains of one moment, called real
MIRROR = """
from datetime import datetime
from zoneinfo import ZoneInfo

from alphastock_cli.providers.sim.exchange import SimExchange
from alphastock_cli.registry import PROVIDERS

MOMENT = datetime({moment}, tzinfo=ZoneInfo("Asia/Kolkata"))


@PROVIDERS.register("mirror")
class Mirror(SimExchange):
    name = "mirror"
    simulated = False

    def __init__(self, clock):
        super().__init__(clock, as_of=MOMENT)
"""


@pytest.fixture
def wiring(sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wiring:  # noqa: F811
    """Return the wiring of a data directory that is logged in to the sandbox."""
    monkeypatch.setenv("ALPHASTOCK_KITE_API_KEY", sandbox.api_key)
    monkeypatch.setenv("ALPHASTOCK_KITE_API_SECRET", sandbox.api_secret)
    kite = KiteSettings(root=sandbox.root, login_root=sandbox.root, timeout=5.0)
    made = Wiring(
        Settings(data_dir=tmp_path / "data", provider="kite", kite=kite), clock=sandbox.clock
    )
    connection = made.kite()
    connection.rest.begin_session(sandbox.request_token())
    connection.close()
    return made


def kite(wiring: Wiring) -> Kite:
    made = wiring.provider("kite")
    assert isinstance(made, Kite)
    # the sandbox only counts: the budget has tests of its own
    made.connection.__dict__["budget"] = Budget(
        made.connection.folder, "free", wiring.clock, windows=host.FREE
    )
    return made


def test_the_chain_of_kite_comes_out_as_it_went_in(wiring: Wiring) -> None:
    source = kite(wiring)
    done = fetch_chain_now(source, wiring.lake, wiring.clock, ["nifty 50", "NIFTY"])
    assert isinstance(done.rows, list)
    (row,) = done.rows
    assert (row["underlying"], row["expiries"], row["added"]) == ("NIFTY", 1, row["rows"])
    stored = wiring.lake.scan("chains").collect()
    assert set(stored["source"]) == {"kite"}
    assert stored["time"].n_unique() == 1
    assert wiring.clock.now() - stored["time"][0] < timedelta(minutes=1)

    request = ChainRequest(underlying="NIFTY", rate=parse_rate(""), greeks=True)
    later = LakeProvider(wiring.lake, wiring.clock)
    shown = chain(later, wiring.clock, request)
    live = chain(source, wiring.clock, request)
    assert shown.as_of == stored["time"][0]
    assert shown.summary["spot"] is not None
    assert shown.summary["forward"] == pytest.approx(live.summary["forward"], rel=1e-3)
    assert shown.summary["lot_size"] == live.summary["lot_size"]
    assert isinstance(shown.rows, pl.DataFrame)
    assert isinstance(live.rows, pl.DataFrame)
    both = live.rows.join(shown.rows, on=["tradingsymbol"], suffix="_stored")
    assert both.height == live.rows.height > 50
    # the market may have moved by a tick between the two calls
    assert (both["open_interest"] - both["open_interest_stored"]).abs().median() == 0
    near = both.filter((pl.col("strike") / live.summary["forward"] - 1).abs() < 0.01)
    assert near.select((pl.col("iv") - pl.col("iv_stored")).abs().max()).item() < 0.01


def test_every_expiry_makes_a_history(wiring: Wiring, sandbox: Running) -> None:  # noqa: F811
    source = kite(wiring)
    for _ in range(2):
        fetch_chain_now(source, wiring.lake, wiring.clock, ["NIFTY"], expiry="all")
        sandbox.clock.advance(60)
    stored = wiring.lake.scan("chains").collect()
    assert stored["time"].n_unique() == 2
    assert set(stored["expiry"]) == set(source.expiries("NIFTY"))
    request = ChainRequest(underlying="NIFTY", rate=parse_rate(""), term=True)
    made = chain(LakeProvider(wiring.lake, wiring.clock), wiring.clock, request)
    assert len(made.summary["term"]) == stored["expiry"].n_unique()


def mirror(folder: Path, moment: str) -> tuple[str, ...]:
    path = folder / "mirror.py"
    path.write_text(MIRROR.format(moment=moment))
    return ("--plugin", str(path), "--provider", "mirror")


def test_the_command_stores_and_chain_shows_it(cli: Cli, tmp_path: Path) -> None:
    words = mirror(tmp_path, "2026, 8, 13, 11, 30")
    done = cli("fetch", "chain", "NIFTY", "BANKNIFTY", *words, "--json")
    assert done.code == 0, done.err
    rows = done.json["data"]
    assert [(row["underlying"], row["form"], row["expiries"]) for row in rows] == [
        ("NIFTY", "mirror", 1), ("BANKNIFTY", "mirror", 1),
    ]  # fmt: skip
    again = cli("fetch", "chain", "NIFTY", *words)
    assert "nothing new" in again.err
    for name in ("NIFTY", "BANKNIFTY"):
        live = cli("chain", name, "--greeks", *words, "--json").json
        held = cli("chain", name, "--greeks", "--provider", "lake", "--as-of", "2026-08-13T11:31",
                   "--json").json  # fmt: skip
        assert held["as_of"] == live["as_of"] == "2026-08-13T11:30:00+05:30"
        for word in ("spot", "forward", "max_pain", "put_call_ratio_oi", "expiry"):
            assert held["summary"][word] == live["summary"][word]
        there = {row["tradingsymbol"]: row for row in held["data"]}
        for row in live["data"]:
            mine = there[row["tradingsymbol"]]
            assert mine["open_interest"] == row["open_interest"]
            if mine["iv"] is not None and row["iv"] is not None:
                assert mine["iv"] == pytest.approx(row["iv"], rel=1e-9)
    early = cli("chain", "NIFTY", "--provider", "lake", "--as-of", "2026-08-13T11:29")
    assert early.code != 0, "nothing was known before"


def test_a_price_of_an_earlier_session_is_not_of_this_moment(cli: Cli, tmp_path: Path) -> None:
    words = mirror(tmp_path, "2026, 8, 13, 11, 30")
    path = Path(words[1])
    path.write_text(path.read_text() + """
    def option_chain(self, underlying, expiry):
        import polars as pl

        rows = super().option_chain(underlying, expiry)
        old = datetime(2026, 8, 12, 15, 0, tzinfo=ZoneInfo("Asia/Kolkata"))
        low = pl.col("strike") == rows["strike"].min()
        return rows.with_columns(
            pl.when(low).then(pl.lit(None, rows[name].dtype)).otherwise(pl.col(name)).alias(name)
            for name in ("bid", "ask")
        ).with_columns(
            last_price=pl.when(low).then(77.0).otherwise(pl.col("last_price")),
            last_trade_time=pl.when(low).then(pl.lit(old)).otherwise(pl.col("last_trade_time")),
        )
""")  # fmt: skip
    assert cli("fetch", "chain", "NIFTY", *words).code == 0
    low = "select last_price, open_interest from chains order by strike, option_type limit 2"
    held = cli("sql", low, "--json").json["data"]
    assert [row["last_price"] for row in held] == [None, None]
    assert all(row["open_interest"] is not None for row in held)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("NIFTY", "--provider", "sim"), 5, "makes them up"),
        (("NIFTY", "--provider", "lake"), 5, "reads them from there"),
        ((), 2, "nothing says which chains"),
        (("--underlying", "NIFTY"), 2, "--underlying is for --from-file"),
        (("NIFTY", "--from-file", "x.csv"), 2, "two ways"),
        (("--expiry", "weekly", "--from-file", "x.csv"), 2, "two ways"),
        (("NIFTY",), 4, "alphastock login"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], code: int, said: str, cli: Cli) -> None:
    done = cli("fetch", "chain", *words)
    assert done.code == code
    assert said in done.err


def test_unknown_names_and_expiries_store_nothing(cli: Cli, tmp_path: Path) -> None:
    words = mirror(tmp_path, "2026, 8, 13, 11, 30")
    wrong = cli("fetch", "chain", "NIFTY", "NIFTI", *words)
    assert wrong.code == 2
    assert "NIFTY" in wrong.err
    assert cli("fetch", "chain", "NIFTY", "--expiry", "wekly", *words).code == 2
    assert cli("lake", "status", "--json").json["data"] == []


def test_a_day_without_a_session_is_refused(wiring: Wiring) -> None:
    from alphastock_cli.providers.sim.exchange import SimExchange

    class Sleepless(SimExchange):
        name = "sleepless"
        simulated = False

        def chain_as_of(self, underlying: str) -> datetime:
            del underlying
            return datetime(2026, 8, 15, 12, tzinfo=IST)

    friday = datetime(2026, 8, 14, 15, tzinfo=IST)
    with pytest.raises(ProviderError, match="no session on 2026-08-15"):
        fetch_chain_now(Sleepless(wiring.clock, as_of=friday), wiring.lake, wiring.clock, ["NIFTY"])
    assert wiring.lake.files("chains") == []
