"""A provider in one file: daily candles from a folder of CSV files, one a symbol.

    SBIN.csv:  date,open,high,low,close,volume

Try it from the top of the repository:

    CSV_FOLDER=examples/prices \
        alphastock scan equities --plugin examples/csv_folder.py --provider csv_folder
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import ClassVar

import polars as pl

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import (
    ADJUSTMENTS,
    CANDLES,
    EQUITIES_DAY,
    INSTRUMENTS,
    SYMBOL_CHANGES,
    conform,
)
from alphastock_cli.domain.instrument import Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, Clock
from alphastock_cli.errors import BadReply, ConfigError, NotOffered, ProviderError
from alphastock_cli.registry import PROVIDERS


@PROVIDERS.register("csv_folder")
class CsvFolder:
    """Daily candles of the folder named by ``CSV_FOLDER``.

    Parameters
    ----------
    clock, as_of
        Given by the wiring, because the constructor asks for them by these names.
    """

    name: ClassVar[str] = "csv_folder"
    simulated: ClassVar[bool] = False
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.EQUITIES_DAY, Capability.INSTRUMENTS, Capability.CANDLES}
    )

    def __init__(self, clock: Clock, as_of: datetime | None = None) -> None:
        folder = os.environ.get("CSV_FOLDER", "")
        if not folder or not Path(folder).is_dir():
            raise ConfigError(
                f"CSV_FOLDER={folder!r} is no folder",
                hint="Set it to a folder of files such as SBIN.csv.",
            )
        self._files = sorted(Path(folder).glob("*.csv"))
        self._moment = as_of or clock.now()

    def as_of(self) -> datetime:
        """Return the last day held, at its end, or the moment asked for if that is earlier."""
        last = self._rows().select(pl.col("date").max()).collect().item()
        if last is None:
            raise ProviderError("the folder holds no day up to the moment asked for")
        return min(datetime.combine(last, time(23, 59), self._moment.tzinfo), self._moment)

    def equities_day(
        self,
        *,
        exchange: Exchange = Exchange.NSE,
        symbols: Sequence[str] | None = None,
        series: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
        columns: Sequence[str] | None = None,
        in_order: bool = True,
    ) -> pl.LazyFrame:
        """Return the rows of the files; every one is called series EQ of NSE."""
        rows = self._rows().filter(exchange=exchange.value)
        for name, wanted in (("symbol", symbols), ("series", series)):
            if wanted is not None:
                rows = rows.filter(pl.col(name).is_in(list(wanted)))
        if start is not None:
            rows = rows.filter(pl.col("date") >= start)
        if end is not None:
            rows = rows.filter(pl.col("date") <= end)
        if in_order:
            rows = rows.sort("symbol", "date")
        return rows if columns is None else rows.select(columns)

    def instruments(self, exchange: Exchange) -> pl.DataFrame:
        """Return one equity a file; tick size and sector are not known here, so null."""
        names = [path.stem.upper() for path in self._files] if exchange is Exchange.NSE else []
        frame = pl.DataFrame({"tradingsymbol": names}, schema={"tradingsymbol": pl.String})
        frame = frame.with_columns(
            exchange=pl.lit("NSE"), asset_type=pl.lit("equity"), series=pl.lit("EQ"),
            lot_size=pl.lit(1),
        )  # fmt: skip
        return conform(frame, INSTRUMENTS, what="csv_folder instruments")

    def candles(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime
    ) -> pl.DataFrame:
        """Return the daily candles of one file."""
        if interval is not Interval.DAY:
            raise NotOffered("csv_folder has daily candles only", hint="Use --interval day.")
        rows = self.equities_day(symbols=[instrument.tradingsymbol]).collect()
        frame = rows.select(
            pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Kolkata").alias("time"),
            "exchange", "symbol", "open", "high", "low", "close", "volume",
        )  # fmt: skip
        inside = (pl.col("time") >= start) & (pl.col("time") < end)
        return conform(frame.filter(inside), CANDLES, what="csv_folder candles")

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Refuse: a folder of days has no live price."""
        raise NotOffered("csv_folder has no quotes", hint="Use --provider sim.")

    def indices_day(
        self,
        *,
        symbols: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.LazyFrame:
        """Refuse: the folder holds equities."""
        raise NotOffered("csv_folder has no indices", hint="Use --provider lake.")

    def adjustments(self, exchange: Exchange) -> pl.DataFrame:
        """Return no factor: the files are taken as adjusted already."""
        return pl.DataFrame(schema=ADJUSTMENTS)

    def symbol_changes(self) -> pl.DataFrame:
        """Return none known."""
        return pl.DataFrame(schema=SYMBOL_CHANGES)

    def members(self, index: str, on: date) -> tuple[str, ...] | None:
        """Return None: this source knows no index."""
        return None

    def _rows(self) -> pl.LazyFrame:
        """Return every row up to the moment, checked against the schema at the border."""
        frames = [self._read(path) for path in self._files]
        rows = pl.concat(frames) if frames else pl.DataFrame(schema=EQUITIES_DAY)
        # the day under way is not final: a daily row is known from the next day on
        return rows.lazy().filter(pl.col("date") < self._moment.date())

    def _read(self, path: Path) -> pl.DataFrame:
        try:
            frame = pl.read_csv(path, try_parse_dates=True)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise BadReply(f"{path.name} cannot be read: {error}") from error
        frame = frame.sort("date").with_columns(
            exchange=pl.lit("NSE"),
            symbol=pl.lit(path.stem.upper()),
            series=pl.lit("EQ"),
            previous_close=pl.col("close").shift(1),
            turnover=pl.col("close") * pl.col("volume"),
            source=pl.lit(self.name),
        )
        return conform(frame, EQUITIES_DAY, what=path.name)
