"""The functions of the `--where` language: seven, and no way to name another.

Each checks the kind of its values; a value that is not known makes the result not known, except in
`coalesce`, which is there for that.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from alphastock_cli.analytics.typed import (
    DATE,
    NULL,
    NUMBER,
    TEXT,
    TIME,
    Typed,
    Wrong,
    as_kind,
    as_number,
    dated_like,
    made,
    solid,
)

NAMES = ("abs", "round", "least", "greatest", "coalesce", "lower", "upper")
_MAX_ROUND = 15


def call(name: str, given: Sequence[Typed], wrong: Wrong) -> Typed:
    """Apply one of the functions of the language."""
    if name not in NAMES:
        raise wrong(f"unknown function `{name}`; known: {', '.join(NAMES)}")
    if name == "coalesce":
        return _coalesce(given, wrong)
    if name in {"lower", "upper"}:
        _count(name, given, 1, 1, wrong)
        text = as_kind(given[0], TEXT)
        if text.kind != TEXT:
            raise wrong(f"`{name}` needs text, this is {text.said}")
        folded = text.expr.str.to_lowercase() if name == "lower" else text.expr.str.to_uppercase()
        return made(folded, TEXT, text)
    values = [solid(as_number(item, name, wrong)) for item in given]
    if name == "abs":
        _count(name, given, 1, 1, wrong)
        return made(values[0].expr.abs(), NUMBER, *values)
    if name == "round":
        _count(name, given, 1, 2, wrong)
        places = given[1].value if len(given) > 1 else 0
        if not isinstance(places, int) or not 0 <= places <= _MAX_ROUND:
            raise wrong(f"`round` takes a whole number of places from 0 to {_MAX_ROUND}")
        rounded = values[0].expr.round(places, mode="half_away_from_zero")
        return made(rounded, NUMBER, values[0], loose=True)
    # not known where one of them is not known: a missing price is no small one
    exprs = [item.expr for item in values]
    most = pl.min_horizontal(exprs) if name == "least" else pl.max_horizontal(exprs)
    whole = pl.all_horizontal([expr.is_not_null() for expr in exprs])
    return made(pl.when(whole).then(most), NUMBER, *values, *values)


def _coalesce(given: Sequence[Typed], wrong: Wrong) -> Typed:
    """Return the first value that is known; all of one kind, texts next to dates read as dates."""
    kinds = [item for item in given if item.kind != NULL]
    dated = next((item for item in kinds if item.kind in {DATE, TIME}), None)
    first = dated or (kinds[0] if kinds else given[0])
    values = []
    for item in given:
        value = solid(as_kind(dated_like(item, first, wrong), first.kind))
        if value.kind != first.kind:
            raise wrong(f"`coalesce` needs values of one kind, not {first.said} and {value.said}")
        values.append(value)
    return made(pl.coalesce([value.expr for value in values]), first.kind, *values)


def _count(name: str, given: Sequence[Typed], least: int, most: int, wrong: Wrong) -> None:
    if not least <= len(given) <= most:
        raise wrong(f"`{name}` takes {least if least == most else f'{least} to {most}'} values")
