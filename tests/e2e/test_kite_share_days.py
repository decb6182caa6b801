"""`fetch candles --interval day` from Kite against the sandbox: shares, faults, going on."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from alphastock_cli.actions.fetch_history import fetch_history, show_plan
from alphastock_cli.bootstrap import Wiring
from alphastock_cli.errors import AuthError, ProviderError
from alphastock_cli.providers.kite import Kite
from tests.e2e.kite_days_world import contract, days, kite, log_in, stored, wiring
from tests.sandbox_server import IST, Running, sandbox, sandbox_process

__all__ = ["sandbox", "sandbox_process", "wiring"]  # fixtures

EVENING = datetime(2026, 8, 14, 18, 0, tzinfo=IST)


# -- shares: adjusted as of the day they are asked for ---------------------------------------------


class Adjusting:
    """Kite whose answers of one share are those of before or after a split on a day."""

    def __init__(self, source: Kite, split: date) -> None:
        self.source, self.split, self.known = source, split, False
        self._answer = source.answer
        source.answer = self  # type: ignore[method-assign]

    def __call__(self, *words: object, **more: object) -> list[list[object]]:
        rows = self._answer(*words, **more)  # type: ignore[arg-type]
        if not self.known:
            return rows
        return [
            [row[0], *(round(price / 2, 2) for price in row[1:5]), row[5] * 2, *row[6:]]
            if row[0][:10] < str(self.split) else row
            for row in rows
        ]  # fmt: skip


def test_days_of_a_share_are_asked_anew_whole_after_a_split(
    wiring: Wiring, sandbox: Running
) -> None:
    request = days("SBIN", since=date(2024, 1, 1))
    first = fetch_history(kite(wiring), wiring.lake, wiring.clock, request)
    before = stored(wiring, "SBIN")
    assert first.summary["added"] == before.height > 600
    assert set(before["adjusted_as_of"]) == {date(2026, 8, 14)}
    sandbox.clock.set(datetime(2026, 8, 17, 18, 0, tzinfo=IST))
    log_in(wiring, sandbox)
    source = kite(wiring)
    adjusting = Adjusting(source, split=date(2026, 8, 17))
    adjusting.known = True
    # only the days since are named: every older one comes as well
    again = fetch_history(source, wiring.lake, wiring.clock, days("SBIN", since=date(2026, 8, 14)))
    after = stored(wiring, "SBIN")
    assert again.summary["changed"] == before.height
    assert again.summary["added"] == 2
    assert set(after["adjusted_as_of"]) == {date(2026, 8, 17)}
    old = after.filter(pl.col("date") < date(2026, 8, 14))
    assert old["close"].to_list() == pytest.approx((before["close"] / 2).to_list(), abs=0.006)
    assert after["close"][-1] > 1.6 * after["close"][-2], (
        "the day of the split itself is not halved"
    )


def test_an_answer_with_a_hole_loses_no_stored_day(wiring: Wiring, sandbox: Running) -> None:
    fetch_history(kite(wiring), wiring.lake, wiring.clock, days("SBIN", since=date(2026, 1, 1)))
    before = stored(wiring, "SBIN")
    sandbox.clock.set(EVENING)
    log_in(wiring, sandbox)
    source = kite(wiring)
    answer = source.answer
    source.answer = lambda *words, **more: answer(*words, **more)[-3:]  # type: ignore[method-assign]
    done = fetch_history(source, wiring.lake, wiring.clock, days("SBIN", since=date(2026, 1, 1)))
    assert done.summary["added"] == 1
    assert f"{before.height - 2} stored days of SBIN were not told again: kept" in done.warnings
    assert stored(wiring, "SBIN").height == before.height + 1


def test_what_is_wrong_with_a_day_is_set_aside(wiring: Wiring) -> None:
    source = kite(wiring)
    answer = source.answer

    def spoilt(*words: object, **more: object) -> list[list[object]]:
        rows = answer(*words, **more)  # type: ignore[arg-type]
        rows[3][2], rows[3][3] = 1.0, 2.0  # high below low
        rows[10][1:5] = [100 * price for price in rows[10][1:5]]
        rows.append([*rows[20][:4], rows[20][4] + 0.05, rows[20][5]])  # two closes of one day
        rows[20][3] = min(rows[20][3], rows[20][4])
        rows.append(["2026-08-02T00:00:00+0530", 9.0, 9.0, 9.0, 9.0, 1])  # a Sunday
        rows.append(["2027-01-04T00:00:00+0530", 9.0, 9.0, 9.0, 9.0, 1])
        return rows

    source.answer = spoilt  # type: ignore[method-assign]
    done = fetch_history(source, wiring.lake, wiring.clock, days("SBIN", since=date(2026, 5, 1)))
    reasons = wiring.lake.scan("rejects").collect()["reason"].value_counts()
    assert dict(reasons.iter_rows()) == {
        "low, open, close and high contradict each other": 1,
        "ten times off the prices beside it": 1,
        "contradicts another row of the same day": 2,
        "outside the days asked for": 1,
        "the exchange was closed that day": 1,
    }
    assert done.summary["rejected"] == 6
    assert stored(wiring, "SBIN").filter(pl.col("close") < 10).is_empty()


# -- breaking off and going on --------------------------------------------------------------------


def test_a_run_that_breaks_off_goes_on_with_the_series_that_is_missing(
    wiring: Wiring, sandbox: Running
) -> None:
    request = days("SBIN", "INFY", "RELIANCE", since=date(2017, 1, 1))
    plan = show_plan(kite(wiring), wiring.lake, request)
    assert (plan.summary["calls"], plan.summary["seconds"]) == (6, 1.0)  # two of 2,000 days each
    source = kite(wiring)
    answer, asked = source.answer, []

    def expiring(*words: object, **more: object) -> list[list[object]]:
        asked.append(words)
        if len(asked) == 4:
            sandbox.expire()
        return answer(*words, **more)  # type: ignore[arg-type]

    source.answer = expiring  # type: ignore[method-assign]
    with pytest.raises(AuthError) as caught:
        fetch_history(source, wiring.lake, wiring.clock, request)
    assert caught.value.safe == "The answers of 2 of 6 calls are stored."
    assert set(wiring.lake.scan("candles_day").collect()["symbol"]) == {"SBIN"}
    log_in(wiring, sandbox)
    done = fetch_history(kite(wiring), wiring.lake, wiring.clock, request)
    assert done.summary["calls"] == 4
    assert wiring.lake.scan("candles_day").collect()["symbol"].n_unique() == 3


def test_a_server_that_fails_keeps_the_old_series(wiring: Wiring, sandbox: Running) -> None:
    fetch_history(kite(wiring), wiring.lake, wiring.clock, days("SBIN", since=date(2020, 1, 1)))
    before = stored(wiring, "SBIN")
    source = kite(wiring)
    source.connection.rest._chance = lambda: 0.01
    sandbox.fault("500")
    with pytest.raises(ProviderError):
        fetch_history(source, wiring.lake, wiring.clock, days("SBIN", since=date(2018, 1, 1)))
    sandbox.fault("")
    assert stored(wiring, "SBIN").equals(before)
    plan = show_plan(kite(wiring), wiring.lake, days("SBIN", since=date(2018, 1, 1)))
    assert next(plan.records())["stored"] == before.height


# -- reading --


def test_sql_reads_the_days(wiring: Wiring) -> None:
    from alphastock_cli.actions.sql import run_sql
    from alphastock_cli.actions.sql_tables import Tables

    fetch_history(kite(wiring), wiring.lake, wiring.clock,
                  contract("NIFTY", since=date(2026, 8, 3), continuous=True))  # fmt: skip
    fetch_history(kite(wiring), wiring.lake, wiring.clock, days("SBIN", since=date(2026, 8, 3)))
    query = (
        "select symbol, kind, count(*) as days from candles_day group by symbol, kind order by 1"
    )
    found = run_sql(query, Tables(wiring))
    assert found.rows() == [("NIFTY CONTINUOUS", "continuous", 9), ("SBIN", "share", 9)]
    then = Tables(wiring, as_of=datetime(2026, 8, 12, 18, 0, tzinfo=IST))
    rows = run_sql(query, then).rows()
    assert rows == [("NIFTY CONTINUOUS", "continuous", 8)], "nobody knew these prices of the share"
