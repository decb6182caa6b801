"""A frame enters only in its schema: names, order, types, null instead of NaN."""

from __future__ import annotations

import polars as pl
import pytest

from alphastock_cli.domain.frames import ADJUSTMENTS, DATASETS, EQUITIES_DAY, conform
from alphastock_cli.errors import BadReply


def test_absent_columns_become_null_and_order_is_the_schema() -> None:
    frame = conform(
        pl.DataFrame({"symbol": ["A"], "exchange": ["NSE"]}), ADJUSTMENTS, what="a file"
    )
    assert frame.schema == ADJUSTMENTS
    assert frame["factor"].null_count() == 1


def test_unknown_columns_are_named() -> None:
    with pytest.raises(BadReply, match=r"a file: columns \['zz'\]"):
        conform(pl.DataFrame({"zz": [1]}), EQUITIES_DAY, what="a file")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_are_refused(bad: float) -> None:
    with pytest.raises(BadReply, match=r"\['close'\] hold NaN or infinity"):
        conform(pl.DataFrame({"close": [1.0, bad]}), EQUITIES_DAY, what="a file")


def test_lossy_types_are_refused() -> None:
    with pytest.raises(BadReply, match="wrong type"):
        conform(pl.DataFrame({"volume": ["many"]}), EQUITIES_DAY, what="a file")


def test_every_dataset_keeps_its_columns_unique() -> None:
    for schema in DATASETS.values():
        assert len(set(schema.names())) == len(schema.names())
