"""Asking for the days of one instrument until the answer is believed: twice at most.

What speaks against an answer is found by `day_checks`; what is refused is gathered here, for the
lake and for a person. Nothing is kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from alphastock_cli.domain.frames import REJECTS
from alphastock_cli.domain.instrument import AssetType, Exchange
from alphastock_cli.errors import BadReply
from alphastock_cli.providers.kite import history
from alphastock_cli.providers.kite.day_checks import Answer, Doubt, Known, doubt, mended, missing
from alphastock_cli.providers.kite.kept_days import ROWS
from alphastock_cli.store.candle_checks import REASON, refused
from alphastock_cli.store.cells import RAW, ROW

_NAMED = 3
Rows = list[list[Any]]
Fetch = Callable[[dict[str, Any], tuple[date, date]], Rows]


class Unsound(BadReply):
    """Kite's answer is not believed: of this instrument alone."""


class Answers:
    """The questions of one run about one exchange.

    Parameters
    ----------
    fetch : callable
        Asks for the rows of an instrument of the list between two days, both inclusive.

    Attributes
    ----------
    refused : list of DataFrame
        Refused rows in the `REJECTS` schema, those of answers that are wrong as a whole among them.
    gaps : dict of str to int
        By instrument, the sessions it lacks in an answer that was given twice.
    """

    def __init__(self, exchange: Exchange, fetch: Fetch) -> None:
        self._exchange, self._fetch = exchange, fetch
        self.refused: list[pl.DataFrame] = []
        self.gaps: dict[str, int] = {}

    def believed(
        self,
        row: dict[str, Any],
        known: Known,
        spans: Sequence[tuple[date, date]],
        final: datetime,
    ) -> pl.DataFrame:
        """Return the days of an instrument in the schema `kept_days.ROWS`.

        An answer that something speaks against is asked for once more. It is believed when nothing
        does, or when it is the same as the first and contradicts nothing that is known.

        Parameters
        ----------
        final : datetime
            Days that are not over by then are left out.

        Raises
        ------
        Unsound
            Neither answer can be believed.
        ProviderError
            As the question itself.
        """
        first = self._ask(row, spans, final)
        against = self._judged(row, first, known)
        if against is None:
            return mended(first.days, known)
        second = self._ask(row, spans, final)
        still = self._judged(row, second, known)
        if still is None:
            return mended(second.days, known)
        if not against.wrong and not still.wrong and second.says_what(first):
            if gone := missing(second, known):
                self.gaps[_key(row)] = len(gone)
            return mended(second.days, known)
        why = "; asked again, ".join(dict.fromkeys([against.detail, still.detail]))
        raise Unsound(
            f"{row['tradingsymbol']}: {why}", safe="Nothing of it was kept.",
            hint="Run again: it is asked for anew. `alphastock lake rejects` lists refused rows.",
        )  # fmt: skip

    def told(self) -> list[str]:
        """Return what a person should know of the answers: refused rows, sessions they lack."""
        texts = []
        for frame in _by_reason(self.refused):
            reason, symbols = frame["reason"][0], frame["symbol"].unique().sort()
            texts.append(f"{frame.height:,} day rows refused ({reason}): {named(symbols)}")
        if texts:
            texts.append("`alphastock lake rejects` lists every refused row with its reason")
        if self.gaps:
            count = sum(self.gaps.values())
            texts.append(
                f"Kite has no day in {count:,} sessions, told twice: {named(sorted(self.gaps))}"
            )
        return texts

    def _judged(self, row: dict[str, Any], answer: Answer, known: Known) -> Doubt | None:
        """Return what speaks against an answer; its refused rows are gathered."""
        against = doubt(answer, known)
        self.refused.append(answer.refused)
        if against is not None and against.wrong:
            self.refused.append(_all_refused(row, answer, against.why))
        return against

    def _ask(
        self, row: dict[str, Any], spans: Sequence[tuple[date, date]], final: datetime
    ) -> Answer:
        told = [self._fetch(row, span) for span in spans]
        parts = [
            history.checked_days(
                rows, symbol=row["tradingsymbol"], exchange=self._exchange, span=span, now=final,
                index=row["asset_type"] == AssetType.INDEX, steady=True,
            )
            for span, rows in zip(spans, told, strict=True)
        ]  # fmt: skip
        days = pl.concat([part.candles for part in parts]).with_columns(
            date=pl.col("time").dt.date(), average=pl.lit(None, pl.Float64),
            token=pl.lit(row["instrument_token"], pl.Int64),
        )  # fmt: skip
        rejects = pl.concat([part.rejects for part in parts])
        return Answer(days.select(ROWS.names()), rejects, _opened(told[-1], spans[-1][1]))


def _opened(rows: Rows, day: date) -> float | None:
    """Return the first price of a day under way, None where no single row tells it."""
    found = {row[1] for row in rows if str(row[0])[:10] == day.isoformat()}
    price = found.pop() if len(found) == 1 else None
    return float(price) if isinstance(price, int | float) and price > 0 else None


def named(names: Iterable[str]) -> str:
    """Return the first of some names, and how many more there are."""
    every = list(names)
    rest = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def _by_reason(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Return the refused rows of each reason, each row once."""
    rows = pl.concat([pl.DataFrame(schema=REJECTS), *frames]).unique()
    return rows.sort("reason", "symbol").partition_by("reason", maintain_order=True)


def _all_refused(row: dict[str, Any], answer: Answer, why: str) -> pl.DataFrame:
    """Return the good rows of an answer that is wrong as a whole, in the `REJECTS` schema."""
    values = ("date", "open", "high", "low", "close", "volume")
    raw = pl.concat_str(
        [pl.col(name).cast(pl.String).fill_null("") for name in values], separator=","
    )
    part = answer.days.with_row_index(ROW, offset=1).select(
        pl.col(ROW).cast(pl.Int64), raw.alias(RAW), pl.lit(why).alias(REASON),
        timestamp=pl.col("date").cast(pl.Datetime("us")),
    )  # fmt: skip
    name = row["tradingsymbol"]
    what = {"dataset": "candles_day", "source": "kite_history",
            "file": f"kite:{row['exchange']}:{name}", "symbol": name}  # fmt: skip
    return refused([part], what)


def _key(row: dict[str, Any]) -> str:
    return f"{row['exchange']}:{row['tradingsymbol']}"
