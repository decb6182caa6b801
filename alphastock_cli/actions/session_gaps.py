"""Which sessions are not stored: between two days, and of candles symbol by symbol.

Of candles it is also told which sessions the source had none of, and which are in doubt. What is
asked for again, and when, is `history_done`'s.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from alphastock_cli.actions.history_done import Done
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import collect
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.exchange import calendar
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.layout import day_column

_DOUBT = "candles were refused or are missing: the next fetch asks again"


def candle_gaps(lake: Lake, dataset: str, exchange: str) -> Result:
    """Return, of each symbol, the sessions between its first and last stored one without a candle.

    And those whose candles are in doubt, because rows were refused or too few came. Minutes that
    are missing inside a session are not looked for: one without a trade has no candle.
    """
    when = day_column(dataset)
    day = pl.col(when).dt.date() if when == "time" else pl.col(when)
    mine = lake.scan(dataset, columns=["exchange", "symbol", when]).filter(exchange=exchange)
    stored = collect(mine.select("symbol", date=day).unique(), what=dataset)
    if stored.is_empty():
        return Result(kind="lake_gaps", rows=[], source="lake",
                      warnings=(f"no {dataset} of {exchange} is stored",))  # fmt: skip
    done = Done(lake, Interval(dataset.removeprefix("candles_")))
    rows, notes = [], []
    for (symbol,), part in stored.sort("symbol", "date").group_by("symbol", maintain_order=True):
        name, days = str(symbol), part["date"].to_list()
        missing, note = missing_sessions(days, exchange, None)
        if note and note not in notes:
            notes.append(note)
        reasons = dict.fromkeys(missing or (), "a session of the calendar that is not stored")
        if exchange in set(Exchange):
            empty = done.empty(Exchange(exchange), name)
            reasons |= {each: "a session that was answered without a candle"
                        for each in reasons if each in empty}  # fmt: skip
            reasons |= dict.fromkeys(done.doubtful(Exchange(exchange), name), _DOUBT)
        rows += [
            {"date": each, "weekday": f"{each:%a}", "dataset": dataset, "exchange": exchange,
             "symbol": name, "reason": reasons[each]}
            for each in sorted(reasons)
        ]  # fmt: skip
    summary = {
        "first": stored["date"].min(), "last": stored["date"].max(),
        "symbols": stored["symbol"].n_unique(), "sessions": stored["date"].n_unique(),
        "missing": len(rows),
    }  # fmt: skip
    return Result(kind="lake_gaps", rows=rows, summary=summary, source="lake",
                  warnings=tuple(notes))  # fmt: skip


def missing_sessions(
    days: list[date], exchange: str, held: set[date] | None
) -> tuple[list[date] | None, str]:
    """Return the sessions not among `held`, None where nobody can say; and a remark if so.

    `days` say from when to when; they are what is held where `held` is None.
    The calendar is that of the exchange's own segment: F&O, currency and commodities have theirs.
    """
    if exchange not in set(Exchange):
        return None, f"no calendar of {exchange}: gaps are not known"
    segment = calendar.segment_of(Exchange(exchange))
    first, last = calendar.reach(segment)
    begin, end = max(days[0], first), min(days[-1], last)
    partly = f"the calendar knows {first} to {last}: gaps outside are not known"
    if begin > end:
        return None, partly
    held = set(days) if held is None else held
    missing = [day for day in calendar.sessions(segment, begin, end) if day not in held]
    return missing, "" if (begin, end) == (days[0], days[-1]) else partly
