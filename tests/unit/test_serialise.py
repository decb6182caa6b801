"""JSON, NDJSON, CSV and Parquet hold the same rows under the same names."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from alphastock_cli.actions.result import Result
from alphastock_cli.views import serialise

IST = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=IST)
ROWS = [
    {"symbol": "M&M", "close": 1.5, "volume": 3, "day": date(2026, 8, 14), "note": None},
    {"symbol": "=cmd|x", "close": None, "volume": 0, "day": None, "note": 'a "b", c'},
    {"symbol": "-1", "close": float("nan"), "volume": -1, "day": None, "note": "x\ny"},
]


def made(**more: object) -> Result:
    return Result(kind="scan_equities", rows=ROWS, as_of=NOW, source="sim", simulated=True, **more)


def test_json_envelope() -> None:
    text = "".join(serialise.to_json(made(summary={"tick": Decimal("0.05")}), generated_at=NOW))
    body = json.loads(text)
    assert list(body) == [
        "schema", "generated_at", "as_of", "source", "simulated", "summary", "data", "warnings",
    ]  # fmt: skip
    assert body["schema"] == "alphastock.scan_equities/1"
    assert body["as_of"] == "2026-11-20T18:00:00+05:30"
    assert body["simulated"] is True
    assert body["summary"] == {"tick": 0.05}
    assert body["data"][0]["day"] == "2026-08-14"
    assert body["data"][2]["close"] is None  # never NaN
    assert body["warnings"] == []


@pytest.mark.parametrize(
    "rows",
    [ROWS, [{"a": [1, 2], "b": {}}, {"a": 1}], [{}, {"a": '\n  "data": []'}], [{"a": "{}"}] * 3],
)
def test_json_is_indented_as_the_standard_encoder_does(rows: list[dict[str, Any]]) -> None:
    result = Result(kind="x", rows=rows, summary={"n": [1, {"deep": 2}], "data": []})
    body = serialise.envelope(result, generated_at=NOW)
    text = "".join(serialise.to_json(result, generated_at=NOW))
    assert text == json.dumps(body, indent=2) + "\n"


def test_ndjson_is_the_rows_alone() -> None:
    lines = "".join(serialise.to_ndjson(made())).splitlines()
    assert [json.loads(line)["symbol"] for line in lines] == ["M&M", "=cmd|x", "-1"]


def test_csv_neutralises_text_and_keeps_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO("".join(serialise.to_csv(made())))))
    assert [row["symbol"] for row in rows] == ["M&M", "'=cmd|x", "'-1"]
    assert rows[2]["volume"] == "-1"
    assert rows[1]["close"] == ""
    assert rows[1]["note"] == 'a "b", c'


def test_parquet_round_trip() -> None:
    frame = pl.DataFrame({"symbol": ["A"], "close": [1.0]})
    data = serialise.to_parquet(Result(kind="x", rows=frame))
    assert pl.read_parquet(io.BytesIO(data)).equals(frame)


def test_an_empty_result_is_an_empty_list() -> None:
    empty = Result(kind="x", rows=[])
    assert json.loads("".join(serialise.to_json(empty, generated_at=NOW)))["data"] == []
    assert "".join(serialise.to_csv(empty)) == ""


def test_an_empty_frame_keeps_its_header_in_csv() -> None:
    empty = Result(kind="x", rows=pl.DataFrame(schema={"a": pl.Int64, "b": pl.String}))
    assert "".join(serialise.to_csv(empty)) == "a,b\n"
