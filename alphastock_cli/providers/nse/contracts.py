"""Forms of end-of-day file that hold futures and options: what their columns mean.

One file feeds two datasets. Units and oddities: `docs/data-sources.md`. UDiFF files of derivatives
are not read; their form would be described here.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import polars as pl

from alphastock_cli.providers.nse.parts import LAKH, Form, Part, fields, names, prices
from alphastock_cli.providers.nse.rows import Field

# INSTRUMENT to kind; FUTIVX: futures on INDIA VIX, 2014 to 2018
_FUTURES = MappingProxyType({"FUTIDX": "index", "FUTIVX": "index", "FUTSTK": "stock"})
_OPTIONS = MappingProxyType({"OPTIDX": "index", "OPTSTK": "stock"})
_TYPES = ("CE", "PE")  # European; the CA and PA of old stock options were American

_HEADER = names(
    "INSTRUMENT SYMBOL EXPIRY_DT STRIKE_PR OPTION_TYP OPEN HIGH LOW CLOSE SETTLE_PR CONTRACTS "
    "VAL_INLAKH OPEN_INT CHG_IN_OI TIMESTAMP"
)
_FIELDS = (
    *fields("text", kind="INSTRUMENT", symbol="SYMBOL", option_type="OPTION_TYP"),
    *fields("date", date="TIMESTAMP", expiry="EXPIRY_DT"),
    *prices(open="OPEN", high="HIGH", low="LOW", close="CLOSE"),
    *fields("whole", contracts="CONTRACTS", open_interest="OPEN_INT", oi_change="CHG_IN_OI"),
    Field(name="turnover", column="VAL_INLAKH", scale=LAKH),
)


def _is_future() -> pl.Expr:
    return pl.col("INSTRUMENT").str.starts_with("FUT").fill_null(value=False)


def _settled(frame: pl.DataFrame) -> pl.DataFrame:
    """Set what both kinds of contract share: no range without a trade, rupees without dust."""
    traded = pl.col("contracts") > 0
    return frame.with_columns(
        *(pl.when(traded).then(pl.col(name)).alias(name) for name in ("open", "high", "low")),
        pl.col("turnover").round(2),  # lakhs of two decimals times 100,000: whole thousands
        pl.lit("NFO").alias("exchange"),
    )


def _futures(frame: pl.DataFrame) -> pl.DataFrame:
    kind = pl.col("kind").replace_strict(_FUTURES, default=None, return_dtype=pl.String)
    is_option = pl.col("option_type").is_in(_TYPES).fill_null(value=False)
    told = _settled(frame).with_columns(pl.when(~is_option).then(kind).alias("kind"))
    return told.drop("option_type")


def _options(frame: pl.DataFrame) -> pl.DataFrame:
    kind = pl.col("kind").replace_strict(_OPTIONS, default=None, return_dtype=pl.String)
    return _settled(frame).with_columns(kind.alias("kind"))


def _future_rules() -> Sequence[tuple[pl.Expr, str]]:
    return (
        (pl.col("kind").is_null(), "INSTRUMENT is no future we know, or OPTION_TYP contradicts it"),
        *_contract_rules(),
    )


def _option_rules() -> Sequence[tuple[pl.Expr, str]]:
    return (
        (pl.col("kind").is_null(), "INSTRUMENT is neither a future nor an option we know"),
        (~pl.col("option_type").is_in(_TYPES).fill_null(value=False),
         "an option that is neither CE nor PE"),
        (pl.col("strike").is_null() | (pl.col("strike") == 0), "an option without a strike"),
        *_contract_rules(),
    )  # fmt: skip


def _contract_rules() -> Sequence[tuple[pl.Expr, str]]:
    return (
        (pl.col("expiry").is_null(), "no expiry"),
        (pl.col("expiry") < pl.col("date"), "the contract had expired by then"),
        (pl.col("contracts").is_null(), "no number of contracts"),
    )


_FUTURES_PART = Part(
    dataset="futures_day",
    # no future is settled at nothing; an option may be worth less than its tick
    fields=(*_FIELDS, *prices(settlement="SETTLE_PR")),
    keep=_is_future,
    finish=_futures,
    rules=_future_rules,
)
_OPTIONS_PART = Part(
    dataset="options_day",
    fields=(*_FIELDS, *fields("number", strike="STRIKE_PR", settlement="SETTLE_PR")),
    # whatever is no future: a row of an unknown kind is refused with a reason, not passed over
    keep=lambda: ~_is_future(),
    finish=_options,
    rules=_option_rules,
)

FORMS: Sequence[Form] = (
    Form(name="nse_fo_bhavcopy_old", title="NSE F&O bhavcopy to 2024", header=_HEADER,
         parts=(_FUTURES_PART, _OPTIONS_PART)),
)  # fmt: skip
