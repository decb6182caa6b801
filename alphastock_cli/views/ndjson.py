"""The live view for programs: one JSON object a turn, on one line.

Numbers are numbers, missing is null, never NaN; times are RFC 3339 with their offset.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from alphastock_cli.views.model import Model
from alphastock_cli.views.serialise import plain

SCHEMA = "alphastock.watch/1"


def line(model: Model) -> str:
    """Return one turn as a line of JSON, its line end included.

    ``market`` holds the session's state, the indices and the breadth, or why there is none in
    ``no_breadth``; ``positions`` is null where they could not be read.
    """
    return json.dumps(body(model), ensure_ascii=True, allow_nan=False) + "\n"


def body(model: Model) -> dict[str, Any]:
    """Return the object of a turn as JSON can say it."""
    header = model.header
    positions = model.positions
    made: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "generated_at": header.generated_at,
            "as_of": header.as_of,
            "source": header.source,
            "simulated": header.simulated,
            "market": {
                "state": header.state,
                "next_open": header.next_open,
                "age_seconds": header.age_seconds,
                "stale": header.stale,
                "indices": [asdict(row) for row in model.indices],
                "breadth": None if model.breadth is None else asdict(model.breadth),
                "no_breadth": model.no_breadth or None,
            },
            "symbols": [asdict(row) for row in model.symbols],
            "positions": None if positions is None else [asdict(row) for row in positions],
            "pnl": model.pnl,
            "warnings": list(model.warnings),
        }
    )
    return made
