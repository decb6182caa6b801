"""Laws of a load: twice is once, order of disjoint loads is nothing, a null never erases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.layout import KEYS

KEY = KEYS["equities_day"]
VALUES = ("close", "volume", "name")
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

rows = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(["A", "B", "M&M"]),
        "date": st.integers(0, 3).map(lambda n: date(2025, 12, 30) + timedelta(days=n)),
        "exchange": st.sampled_from(["NSE", "BSE"]),
        "series": st.sampled_from(["EQ", "BE", ""]),
        "close": st.none() | st.floats(0.05, 1e6),
        "volume": st.none() | st.integers(0, 2**62),
        "name": st.none() | st.text(st.characters(codec="utf-8"), max_size=4),
    }
)
loads = st.lists(rows, max_size=12)


def frame_of(load: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {name: DATASETS["equities_day"][name] for name in (*KEY, *VALUES)}
    return conform(pl.DataFrame(load, schema=schema), DATASETS["equities_day"], what="test")


def key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)


@contextmanager
def fresh() -> Iterator[Lake]:
    with tempfile.TemporaryDirectory() as folder:
        yield Lake(Path(folder) / "lake")


def content(lake: Lake) -> dict[tuple[Any, ...], dict[str, Any]]:
    stored = lake.scan("equities_day", columns=[*KEY, *VALUES]).collect().to_dicts()
    found = {key_of(row): row for row in stored}
    assert len(found) == len(stored), "a key is stored once"
    return found


def stamps(lake: Lake) -> dict[str, tuple[int, bytes]]:
    files = lake.files("equities_day")
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@quick
@given(st.lists(loads, max_size=4))
def test_a_lake_is_the_fold_of_its_loads(history: list[list[dict[str, Any]]]) -> None:
    """Against a dictionary, written in the plainest way: the last known value of each cell."""
    expected: dict[tuple[Any, ...], dict[str, Any]] = {}
    with fresh() as lake:
        for load in history:
            before = {key: dict(row) for key, row in expected.items()}
            for row in load:
                cell = expected.setdefault(key_of(row), dict.fromkeys(VALUES) | row)
                cell.update({k: v for k, v in row.items() if v is not None})
            report = lake.upsert("equities_day", frame_of(load))
            keys = {key_of(row) for row in load}
            changed = {k for k in keys & set(before) if before[k] != expected[k]}
            assert report.added == len(keys - set(before))
            assert report.changed == len(changed)
            assert report.unchanged == len(keys) - report.added - report.changed
        assert content(lake) == expected


@quick
@given(loads, loads)
def test_a_load_twice_is_a_load_once(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    with fresh() as lake:
        lake.upsert("equities_day", frame_of(first))
        lake.upsert("equities_day", frame_of(second))
        before = stamps(lake)
        report = lake.upsert("equities_day", frame_of(second))
        assert (report.added, report.changed, report.files) == (0, 0, ())
        assert stamps(lake) == before


@quick
@given(loads, st.randoms(use_true_random=False))
def test_disjoint_loads_may_come_in_any_order(load: list[dict[str, Any]], rng: Any) -> None:
    single = list({key_of(row): row for row in load}.values())
    mixed = rng.sample(single, len(single))
    half = len(mixed) // 2
    with fresh() as whole, fresh() as parts:
        whole.upsert("equities_day", frame_of(single))
        parts.upsert("equities_day", frame_of(mixed[half:]))
        parts.upsert("equities_day", frame_of(mixed[:half]))
        assert content(whole) == content(parts)
        left, right = stamps(whole), stamps(parts)
        assert {n: data for n, (_, data) in left.items()} == {n: d for n, (_, d) in right.items()}


@quick
@given(loads)
def test_a_load_of_nulls_erases_nothing(load: list[dict[str, Any]]) -> None:
    with fresh() as lake:
        lake.upsert("equities_day", frame_of(load))
        before = content(lake)
        report = lake.upsert("equities_day", frame_of([r | dict.fromkeys(VALUES) for r in load]))
        assert (report.added, report.changed) == (0, 0)
        assert content(lake) == before
