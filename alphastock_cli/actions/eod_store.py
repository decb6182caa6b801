"""Join the rows of a load and store them, a part at a time: what is in memory has a bound.

Equities, indices and rates wait for the whole load, because their sources fill and date each other;
rows of contracts are fifty thousand a day and are stored as they come. Reading is not done here.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from alphastock_cli.actions.eod_merge import fold
from alphastock_cli.actions.eod_report import FetchReport
from alphastock_cli.actions.fetch_reference import withdraw_contradicted
from alphastock_cli.analytics import adjust
from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.layout import KEYS, MONTHLY

SHARES = ("equities_day", "indices_day", "rates_day")
CONTRACTS = ("futures_day", "options_day")
_WAITING = 1_000_000  # rows: twenty sessions of options, a fifth of a gigabyte

Parts = list[tuple[str, pl.DataFrame]]  # the form and its rows


def store(dataset: str, batches: Sequence[EodBatch], lake: Lake, report: FetchReport) -> None:
    """Join and store one file of the dataset after the other: only one is in memory twice."""
    frames = [(batch.form, batch.frames[dataset]) for batch in batches]
    stem = _stem(dataset)
    stems = {name for _, rows in frames for name in rows.select(stem.unique()).to_series()}
    for name in sorted(stems):
        parts = [(form, rows.filter(stem == name)) for form, rows in frames]
        _store_file(dataset, [part for part in parts if part[1].height], lake, report)


class Waiting:
    """Rows of contracts that wait until there is enough of a month to be worth a write.

    Of two files of one day that contradict each other the later one counts; it is told where both
    wait at the same time, else the rows count as changed.

    Parameters
    ----------
    limit : int
        Rows that may wait; beyond them the fullest file's rows are stored.
    """

    def __init__(self, lake: Lake, report: FetchReport, *, limit: int = _WAITING) -> None:
        self._lake = lake
        self._report = report
        self._limit = limit
        self._parts: dict[tuple[str, str], Parts] = {}
        self.datasets: set[str] = set()

    def add(self, batch: EodBatch) -> None:
        """Take the rows of contracts of a batch; store some where too many wait."""
        for dataset in CONTRACTS:
            if dataset in batch.frames:
                self.datasets.add(dataset)
                for stem, rows in _by_file(dataset, batch.frames[dataset]):
                    self._parts.setdefault((dataset, stem), []).append((batch.form, rows))
        while sum(map(_height, self._parts.values())) > self._limit:
            self._store(max(self._parts, key=lambda key: _height(self._parts[key])))

    def finish(self) -> None:
        """Store what still waits."""
        for key in sorted(self._parts):
            self._store(key)

    def _store(self, key: tuple[str, str]) -> None:
        _store_file(key[0], self._parts.pop(key), self._lake, self._report)


def _height(parts: Parts) -> int:
    return sum(rows.height for _, rows in parts)


def _stem(dataset: str) -> pl.Expr:
    """Return which of the lake's files a row belongs to: its month or its year."""
    return pl.col("date").dt.to_string("%Y-%m" if dataset in MONTHLY else "%Y")


def _by_file(dataset: str, rows: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    named = rows.with_columns(__file=_stem(dataset))
    parts = named.partition_by("__file", include_key=False, as_dict=True)
    return [(str(name), part) for (name,), part in parts.items()]


def _store_file(dataset: str, parts: Parts, lake: Lake, report: FetchReport) -> None:
    """Join the rows that go to one file with each other and with what it holds, and store them."""
    frames = [frame for _, frame in parts]
    days = pl.concat([frame["date"] for frame in frames]).unique()
    stored = (
        lake.scan(dataset, start=days.min(), end=days.max())  # type: ignore[arg-type]
        .filter(pl.col("date").is_in(days.implode()))
        .collect()
    )
    if dataset in CONTRACTS and _is_stored(parts, stored, dataset):
        report.unchanged += stored.height
        report.forms[parts[0][0], dataset].unchanged += stored.height
        return
    folded = fold(frames, stored, dataset=dataset)
    done = lake.upsert(dataset, folded.frame)
    report.added += done.added
    report.changed += done.changed
    report.unchanged += done.unchanged
    report.differences += folded.differences
    report.conflicts += folded.examples
    _count_forms(dataset, parts, folded.frame, stored, report)
    if dataset == "equities_day":
        found = adjust.detect(folded.frame)
        lake.upsert("adjustments", found)
        withdraw_contradicted(lake, start=days.min(), end=days.max())  # type: ignore[arg-type]
        report.factors += found["factor"].count()
        report.unexplained += found["factor"].null_count()


def _is_stored(parts: Parts, stored: pl.DataFrame, dataset: str) -> bool:
    """Tell whether the rows of one form are just those stored: then there is nothing to join."""
    if len({form for form, _ in parts}) > 1 or _height(parts) != stored.height:
        return False
    keys = list(KEYS[dataset])
    return pl.concat([rows for _, rows in parts]).sort(keys).equals(stored.sort(keys))


def _count_forms(
    dataset: str, parts: Parts, whole: pl.DataFrame, stored: pl.DataFrame, report: FetchReport
) -> None:
    """Count for each form how many of its rows are new in the lake, changed there, or known."""
    keys = list(KEYS[dataset])
    fresh = whole.join(stored, on=keys, how="anti", nulls_equal=True)
    known = whole.join(stored, on=whole.columns, how="semi", nulls_equal=True)
    forms = {form for form, _ in parts}
    for form in forms:
        if len(forms) == 1:  # every row is its own
            rows, added, unchanged = whole, fresh.height, known.height
        else:
            rows = pl.concat([frame.select(keys) for of, frame in parts if of == form]).unique()
            added = rows.join(fresh, on=keys, how="semi", nulls_equal=True).height
            unchanged = rows.join(known, on=keys, how="semi", nulls_equal=True).height
        part = report.forms[form, dataset]
        part.added += added
        part.unchanged += unchanged
        part.changed += rows.height - added - unchanged
