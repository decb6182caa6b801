"""JSON, NDJSON, CSV and Parquet of a result: the same rows, the same names, cell for cell.

Numbers are numbers, missing is null, never NaN; times are RFC 3339 with their offset.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from alphastock_cli.actions.result import Result
from alphastock_cli.safety import escape_csv_cell, safe_text

if TYPE_CHECKING:
    import polars as pl

_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_CELL = 32_000  # what a spreadsheet takes in one cell


_NO_ROWS = '\n  "data": []'
_ROW = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",\n      ", ": "))


def plain(value: Any) -> Any:  # noqa: ANN401 - any cell
    """Return `value` as JSON can say it."""
    kind = type(value)
    if kind in _AS_THEY_ARE or (kind is float and math.isfinite(value)):  # most cells, by far
        return value
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return value.isoformat(timespec="seconds")
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    return str(value)


def envelope(result: Result, *, generated_at: datetime) -> dict[str, Any]:
    """Return the JSON object of `cli.md`: one object, the rows under ``data``."""
    return {
        "schema": f"alphastock.{result.kind}/{result.version}",
        "generated_at": plain(generated_at),
        "as_of": plain(result.as_of),
        "source": result.source,
        "simulated": result.simulated,
        "summary": plain(result.summary),
        "data": [plain(row) for row in result.records()],
        "warnings": list(result.warnings),
    }


def to_json(result: Result, *, generated_at: datetime) -> Iterator[str]:
    """Yield the envelope as JSON text, indented by two."""
    body = envelope(result, generated_at=generated_at)
    rows = body["data"]
    flat = rows and not any(type(item) in (list, dict) for row in rows for item in row.values())
    body["data"] = [] if flat else rows
    text = json.dumps(body, ensure_ascii=True, allow_nan=False, indent=2)
    if flat:
        head, empty, tail = text.partition(_NO_ROWS)
        text = head + empty[:-1] + ",".join(map(_indented, rows)) + "\n  ]" + tail
    yield text
    yield "\n"


def _indented(row: dict[str, Any]) -> str:
    """Return a flat row as `json.dumps` indents it in its place, by the encoder written in C."""
    text = _ROW.encode(row)
    return f"\n    {{\n      {text[1:-1]}\n    }}" if row else "\n    {}"


def to_ndjson(result: Result) -> Iterator[str]:
    """Yield the rows alone, one JSON object a line."""
    for row in result.records():
        yield json.dumps(plain(row), ensure_ascii=True, allow_nan=False) + "\n"


def to_csv(result: Result) -> Iterator[str]:
    """Yield a header and the rows; text that a spreadsheet would run is neutralised."""
    names = result.columns()
    if not names:
        return
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    for row in result.records():
        writer.writerow([_csv_cell(row.get(name)) for name in names])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _csv_cell(value: Any) -> Any:  # noqa: ANN401 - any cell
    simple = plain(value)
    if isinstance(simple, str):
        # CSV goes to terminals too and has no way to escape a control character
        return escape_csv_cell(safe_text(simple, limit=_CELL)) if isinstance(value, str) else simple
    if isinstance(simple, list | dict):
        return json.dumps(simple, ensure_ascii=True)
    if isinstance(simple, bool):
        return "true" if simple else "false"
    return simple


def to_parquet(result: Result) -> bytes:
    """Return the rows as one Parquet file in memory."""
    import polars as pl

    rows = result.rows
    frame = rows if isinstance(rows, pl.DataFrame) else frame_of(list(result.records()))
    target = io.BytesIO()
    frame.write_parquet(target, compression="zstd", compression_level=1)
    return target.getvalue()


def frame_of(rows: list[Any]) -> pl.DataFrame:
    """Return mappings as a frame; a column of several types, as in `config show`, is text."""
    import polars as pl

    records = [plain(row) for row in rows]
    mixed = [
        name
        for name in records[0]
        if len({type(r[name]) for r in records} - {type(None), int, float}) > 1
        or any(isinstance(r[name], list | dict) for r in records)
    ]
    for record in records:
        for name in mixed:
            value = record[name]
            record[name] = value if isinstance(value, str | None) else json.dumps(value)
    return pl.DataFrame(records, infer_schema_length=None)
