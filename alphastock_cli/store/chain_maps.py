"""Option chains in a table of anybody's making: which of its columns is what.

The columns are told by their names or by the person; the forms whose makers we know are in
`chain_forms.py`, what the rows are worth is decided in `chain_checks.py`. Whether a quantity counts
contracts or units, and a volatility is a fraction or a percentage, no name tells: such columns are
read only where a person said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import polars as pl

from alphastock_cli.errors import BadReply, UnknownName, UsageError
from alphastock_cli.safety import safe_text
from alphastock_cli.store.candle_files import stamps
from alphastock_cli.store.cells import RAW, ROW, Cells, cells_of
from alphastock_cli.store.chain_forms import (
    SIDES,
    UNKNOWN,
    Form,
    days,
    figures,
    is_json,
    read_form,
    texts,
    whole_stamps,
)
from alphastock_cli.store.chain_units import TABLE

# a field of the whole row, and the names of columns that mean it; the first one found counts
ROW_FIELDS = MappingProxyType(
    {
        "timestamp": ("timestamp", "datetime", "date_time"),
        "date": ("date",),
        "time": ("time",),
        "underlying": ("underlying", "symbol"),
        "expiry": ("expiry", "expiry_date", "expirydate"),
        "strike": ("strike", "strike_price", "strikeprice"),
        "option_type": ("option_type", "optiontype", "instrument_type"),
        "spot": ("spot", "underlying_price", "underlying_value", "underlyingvalue"),
    }
)
# a field of one contract; with ``ce_`` or ``pe_`` before it where a row holds both sides
CONTRACT_FIELDS = MappingProxyType(
    {
        "last_price": ("last_price", "ltp", "lastprice"),
        "bid": ("bid", "bid_price", "bidprice"),
        "ask": ("ask", "ask_price", "askprice", "offer"),
        "volume": (),  # units
        "open_interest": (),
        "oi_change": (),
        "volume_contracts": (),
        "open_interest_contracts": (),
        "oi_change_contracts": (),
        "iv": (),  # a fraction a year
        "iv_pct": (),
    }
)
_COUNTED = "_contracts"
_PRICES = ("last_price", "bid", "ask")
_MOMENTS = ("timestamp", "date", "time")
_WORDS = {"C": "CE", "CALL": "CE", "P": "PE", "PUT": "PE"}
_FIELDS = (*ROW_FIELDS, *CONTRACT_FIELDS,
           *(f"{side.lower()}_{name}" for side in SIDES for name in CONTRACT_FIELDS))  # fmt: skip


def read_any(
    name: str, data: bytes, mapping: Mapping[str, str], underlying: str = ""
) -> tuple[Form, pl.DataFrame, pl.DataFrame]:
    """Return what `read_form` does, of a form we know or of a table whose columns tell.

    Parameters
    ----------
    mapping : mapping of str to str
        Field to column, over what the names say; the other way round where only that makes sense.
        With one no form is looked for.
    underlying : str
        Whose chain it is, where no column says so.

    Raises
    ------
    BadReply
        No table, or it has no column for something a chain needs.
    UnknownName, UsageError
        A mapping names an unknown field or column, counts in two units, or is for a JSON.
    """
    if not mapping:
        try:
            return read_form(name, data)
        except BadReply as refusal:
            if is_json(data):
                raise
            cells = cells_of(name, data)
            found = _named(cells.columns, {})
            missing = _missing(found, underlying)
            if len(missing) > 1 or not _has_price(found):  # not even nearly a chain
                raise _with_a_way(refusal) from None
    elif is_json(data):
        raise UsageError("--map is for tables", hint=f"{safe_text(name, limit=80)} is JSON.")
    else:
        cells = cells_of(name, data)
        found = _named(cells.columns, mapping)
        missing = _missing(found, underlying)
    if missing:
        raise BadReply(
            f"{name} has no column for {', '.join(missing)}; its columns:"
            f" {safe_text(', '.join(cells.columns), limit=160)}",
            safe="Nothing was stored.",
            hint=f"Say which it is: --map {missing[0].split(' ')[0]}=COLUMN."
            if missing != ["underlying"]
            else "Say whose chain it is: --underlying NAME.",
        )
    form = Form(name=TABLE, in_contracts=_in_contracts(found), unsolved=None)
    return form, _rows(cells, found, underlying), cells.odd


def _with_a_way(refusal: BadReply) -> BadReply:
    """Return the refusal of a table no maker's form fits, saying that its columns may be named."""
    if UNKNOWN not in refusal.what:
        return refusal
    return BadReply(
        refusal.what, safe=refusal.safe,
        hint="Of another table say what is what: --map timestamp=COLUMN,expiry=COLUMN,"
        "strike=COLUMN,option_type=COLUMN,last_price=COLUMN.",
    )  # fmt: skip


# -- columns --------------------------------------------------------------------------------------


def _named(names: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return the column of each field that the table has."""
    found = dict(_oriented(field, column, names) for field, column in mapping.items())
    taken = set(found.values())
    by_fold = {name.casefold(): name for name in reversed(names)}
    if {"date", "time"} & found.keys():
        taken |= {by_fold[word] for word in ROW_FIELDS["timestamp"] if word in by_fold}
    words = dict(ROW_FIELDS)
    if not _sided(found):
        words |= CONTRACT_FIELDS
    for field, known in words.items():
        here = [by_fold[word] for word in known if word in by_fold]
        left = [name for name in here if name not in taken]
        if field not in found and left:
            found[field] = left[0]
    return found


def _oriented(field: str, column: str, names: Sequence[str]) -> tuple[str, str]:
    """Return field and column of a mapping, turned round where only that makes sense."""
    if column not in names and field in names and column in _FIELDS:
        field, column = column, field
    if field not in _FIELDS:
        known = ", ".join((*ROW_FIELDS, *CONTRACT_FIELDS))
        hint = f"Known: {known}; the last {len(CONTRACT_FIELDS)} also as ce_… and pe_…"
        raise UnknownName.of("field of --map", field, _FIELDS, hint=hint)
    if column not in names:
        raise UnknownName.of(
            "column of --map", column, names,
            hint=f"The file has: {safe_text(', '.join(names), limit=160)}.",
        )  # fmt: skip
    return field, column


def _sided(found: Mapping[str, str]) -> bool:
    """Tell whether a row holds call and put of a strike."""
    return any(field.startswith(("ce_", "pe_")) for field in found)


def _plain(field: str) -> str:
    """Return the field of one contract without its side."""
    side, _, rest = field.partition("_")
    return rest if side.upper() in SIDES else field


def _missing(found: Mapping[str, str], underlying: str) -> list[str]:
    """Return what a chain needs and the table has no column for."""
    told = "timestamp" in found or {"date", "time"} <= found.keys()
    missing = [] if told else ["timestamp"]
    needed = ["expiry", "strike", *([] if _sided(found) else ["option_type"])]
    missing += [field for field in needed if field not in found]
    if not (underlying or "underlying" in found):
        missing.append("underlying")
    if not _has_price(found):
        missing.append("last_price (or bid and ask)")
    return missing


def _has_price(found: Mapping[str, str]) -> bool:
    return any(_plain(field) in _PRICES for field in found)


def _in_contracts(found: Mapping[str, str]) -> bool:
    """Tell whether the quantities count contracts.

    Raises
    ------
    UsageError
        Some do and some do not, or a volatility is told twice.
    """
    plain = {_plain(field) for field in found}
    counted = {field for field in plain if field.endswith(_COUNTED)}
    units = plain & {"volume", "open_interest", "oi_change"}
    if counted and units:
        raise UsageError(
            f"--map counts {', '.join(sorted(units))} in units and {', '.join(sorted(counted))}"
            " in contracts",
            hint="Map all of them to one unit.",
        )
    if {"iv", "iv_pct"} <= plain:
        raise UsageError("--map names iv and iv_pct", hint="Map one of them.")
    return bool(counted)


# -- rows -----------------------------------------------------------------------------------------


def _rows(cells: Cells, found: Mapping[str, str], underlying: str) -> pl.DataFrame:
    """Return one row a contract, volatilities in percent as in every form."""
    base = cells.rows.with_columns(
        __time=_moments(cells.rows, found), __expiry=days(cells.rows[found["expiry"]])
    )
    name = texts(pl.col(found["underlying"])) if "underlying" in found else pl.lit(underlying)
    whole = {"time": pl.col("__time"), "expiry": pl.col("__expiry"), "underlying": name,
             "strike": figures(pl.col(found["strike"]))}  # fmt: skip
    if "spot" in found:
        whole["spot"] = figures(pl.col(found["spot"]))
    if not _sided(found):
        side = texts(pl.col(found["option_type"])).replace(_WORDS)
        return base.select(ROW, RAW, **whole, option_type=side, **_contract(found, ""))
    parts = []
    for code in SIDES:
        own = _contract(found, f"{code.lower()}_")
        if own:
            parts.append(base.select(ROW, RAW, **whole, option_type=pl.lit(code), **own))
    return pl.concat(parts, how="diagonal")


def _moments(rows: pl.DataFrame, found: Mapping[str, str]) -> pl.Series:
    """Return the moments of the rows; null where one has no time of day.

    A day alone would be midnight, and the chain known before it was there.
    """
    if "timestamp" not in found:
        return stamps(rows, {"date": found["date"], "time": found["time"]})
    text = whole_stamps(rows[found["timestamp"]]).alias("timestamp")
    made = stamps(text.to_frame(), {"timestamp": "timestamp"})
    if text.dtype == pl.Datetime:
        return made
    clock = text.cast(pl.String).str.contains(":").fill_null(value=False)
    return pl.select(pl.when(clock).then(made)).to_series()


def _contract(found: Mapping[str, str], side: str) -> dict[str, pl.Expr]:
    """Return the figures of one contract by field."""
    made: dict[str, pl.Expr] = {}
    for field in CONTRACT_FIELDS:
        if f"{side}{field}" not in found:
            continue
        value = figures(pl.col(found[f"{side}{field}"]))
        if field in {"iv", "iv_pct"}:
            made["iv"] = value if field == "iv_pct" else value * 100.0
        else:
            made[field.removesuffix(_COUNTED)] = value
    return made
