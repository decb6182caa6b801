"""Forms of NSE and BSE files that hold futures and options: what their columns mean.

One file feeds two datasets. What a UDiFF file counts is settled in `units.py`, file by file. Units
and oddities: `docs/data-sources.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import polars as pl

from alphastock_cli.exchange.calendar import Segment
from alphastock_cli.providers.nse import units
from alphastock_cli.providers.nse.parts import LAKH, Form, Part, Prepared, fields, names, prices
from alphastock_cli.providers.nse.rows import Field, Rule, Rules

# kind of instrument to kind of contract; FUTIVX: futures on INDIA VIX, 2014 to 2018
_FUTURES = MappingProxyType({"FUTIDX": "index", "FUTIVX": "index", "FUTSTK": "stock"})
_OPTIONS = MappingProxyType({"OPTIDX": "index", "OPTSTK": "stock"})
_UDIFF_FUTURES = MappingProxyType({"IDF": "index", "STF": "stock"})
_UDIFF_OPTIONS = MappingProxyType({"IDO": "index", "STO": "stock"})
_TYPES = ("CE", "PE")  # European; the CA and PA of old stock options were American
# the close is an average of the last half hour and may hold trades that make no low or high:
# 2 of 552 futures of 2024-07-19 lie outside, by 0.1 % at most
_REACH = 0.005
_ISO = ("%Y-%m-%d", "%d-%b-%Y")


def settled(frame: pl.DataFrame, *, exchange: str) -> pl.DataFrame:
    """Set what every contract shares: no range without a trade, rupees without dust."""
    traded = pl.col("contracts") > 0
    return frame.with_columns(
        *(pl.when(traded).then(pl.col(name)).alias(name) for name in ("open", "high", "low")),
        pl.col("turnover").round(2),  # lakhs of two decimals times 100,000: whole thousands
        pl.lit(exchange).alias("exchange"),
    )


def contract_rules() -> Sequence[Rule]:
    """Return what every contract's row has to pass."""
    return (
        (pl.col("expiry").is_null(), "no expiry"),
        (pl.col("expiry") < pl.col("date"), "the contract had expired by then"),
        (pl.col("contracts").is_null(), "no number of contracts"),
    )


def _kind(known: Mapping[str, str]) -> pl.Expr:
    return pl.col("kind").replace_strict(known, default=None, return_dtype=pl.String)


def _futures(known: Mapping[str, str], exchange: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def finish(frame: pl.DataFrame) -> pl.DataFrame:
        is_option = pl.col("option_type").is_in(_TYPES).fill_null(value=False)
        told = settled(frame, exchange=exchange)
        return told.with_columns(kind=pl.when(~is_option).then(_kind(known))).drop("option_type")

    return finish


def _options(known: Mapping[str, str], exchange: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def finish(frame: pl.DataFrame) -> pl.DataFrame:
        return settled(frame, exchange=exchange).with_columns(kind=_kind(known))

    return finish


def _future_rules(column: str, side: str) -> Rules:
    def rules() -> Sequence[Rule]:
        told = f"{column} is no future we know, or {side} contradicts it"
        return ((pl.col("kind").is_null(), told), *contract_rules())

    return rules


def _option_rules(column: str) -> Rules:
    def rules() -> Sequence[Rule]:
        return (
            (pl.col("kind").is_null(), f"{column} is neither a future nor an option we know"),
            (~pl.col("option_type").is_in(_TYPES).fill_null(value=False),
             "an option that is neither CE nor PE"),
            (pl.col("strike").is_null() | (pl.col("strike") == 0), "an option without a strike"),
            *contract_rules(),
        )  # fmt: skip

    return rules


# -- the F&O bhavcopy to 2024 -------------------------------------------------------------------

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


_FUTURES_PART = Part(
    dataset="futures_day",
    # no future is settled at nothing; an option may be worth less than its tick
    fields=(*_FIELDS, *prices(settlement="SETTLE_PR")),
    keep=_is_future,
    finish=_futures(_FUTURES, "NFO"),
    rules=_future_rules("INSTRUMENT", "OPTION_TYP"),
)
_OPTIONS_PART = Part(
    dataset="options_day",
    fields=(*_FIELDS, *fields("number", strike="STRIKE_PR", settlement="SETTLE_PR")),
    # whatever is no future: a row of an unknown kind is refused with a reason, not passed over
    keep=lambda: ~_is_future(),
    finish=_options(_OPTIONS, "NFO"),
    rules=_option_rules("INSTRUMENT"),
)

# -- UDiFF, segment FO --------------------------------------------------------------------------

_UDIFF_HEADER = names(
    "TradDt Sgmt Src FinInstrmTp TckrSymb XpryDt FininstrmActlXpryDt StrkPric OptnTp OpnPric "
    "HghPric LwPric ClsPric LastPric UndrlygPric SttlmPric OpnIntrst ChngInOpnIntrst TtlTradgVol "
    "TtlTrfVal NewBrdLotQty"
)
_UDIFF_FIELDS = (
    *fields("text", kind="FinInstrmTp", symbol="TckrSymb", option_type="OptnTp"),
    Field(name="date", column="TradDt", kind="date", formats=_ISO),
    Field(name="expiry", column=units.EXPIRY, kind="date", formats=_ISO),
    *prices(open="OpnPric", high="HghPric", low="LwPric", close=units.CLOSE),
    *fields("whole", contracts=units.CONTRACTS, open_interest=units.INTEREST,
             oi_change=units.CHANGE),
    Field(name="turnover", column=units.TURNOVER),
)  # fmt: skip


def _is_udiff_future() -> pl.Expr:
    return pl.col("FinInstrmTp").is_in(list(_UDIFF_FUTURES)).fill_null(value=False)


def _udiff(name: str, source: str, exchange: str) -> Form:
    return Form(
        name=name, title="UDiFF FO bhavcopy", header=_UDIFF_HEADER, market=("FO", source),
        prepare=units.settle_udiff,
        parts=(
            Part(dataset="futures_day",
                 fields=(*_UDIFF_FIELDS, *prices(settlement=units.SETTLEMENT)),
                 keep=_is_udiff_future, finish=_futures(_UDIFF_FUTURES, exchange),
                 rules=_future_rules("FinInstrmTp", "OptnTp"), close_reach=_REACH),
            Part(dataset="options_day",
                 fields=(*_UDIFF_FIELDS,
                         *fields("number", strike="StrkPric", settlement=units.SETTLEMENT)),
                 keep=lambda: ~_is_udiff_future(), finish=_options(_UDIFF_OPTIONS, exchange),
                 rules=_option_rules("FinInstrmTp"), close_reach=_REACH),
        ),
    )  # fmt: skip


UDIFF: Sequence[Form] = (
    _udiff("nse_udiff_fo", "NSE", "NFO"),
    _udiff("bse_udiff_fo", "BSE", "BFO"),
)

# -- the report of futures: CONTRACT_D ----------------------------------------------------------

_REPORT_HEADER = names(
    "CONTRACT_D PREVIOUS_S OPEN_PRICE HIGH_PRICE LOW_PRICE CLOSE_PRIC SETTLEMENT OI_NO_CON "
    "TRADED_QUA TRD_NO_CON TRADED_VAL"
)
# FUTSTKM&M26-SEP-2024, FUTIDXNIFTYNXT5026-JUL-2024: names hold digits, the expiry is the last 11
_DESCRIPTION = rf"^({'|'.join(_FUTURES)})(.+)([0-9]{{2}}-[A-Za-z]{{3}}-[0-9]{{4}})$"
_TYPE, _NAME, _EXPIRY = "type of CONTRACT_D", "name in CONTRACT_D", "expiry in CONTRACT_D"


def _describe(rows: pl.DataFrame, _: str) -> Prepared:
    """Take the description apart and turn open interest, in contracts, into units."""
    description = pl.col("CONTRACT_D")
    parts = [description.str.extract(_DESCRIPTION, group) for group in (1, 2, 3)]
    told = rows.with_columns(
        part.alias(name) for part, name in zip(parts, (_TYPE, _NAME, _EXPIRY), strict=True)
    )
    return units.settle_report(told, symbol=_NAME)


_REPORT = Part(
    dataset="futures_day",
    fields=(
        *fields("text", kind=_TYPE, symbol=_NAME),
        *fields("date", expiry=_EXPIRY),
        *prices(open="OPEN_PRICE", high="HIGH_PRICE", low="LOW_PRICE", close="CLOSE_PRIC",
                settlement="SETTLEMENT"),
        *fields("whole", contracts="TRD_NO_CON", open_interest=units.INTEREST),
        Field(name="turnover", column="TRADED_VAL"),
    ),
    finish=lambda frame: settled(frame, exchange="NFO").with_columns(kind=_kind(_FUTURES)),
    rules=lambda: (
        (pl.col("kind").is_null(), "CONTRACT_D describes no future we know"),
        *contract_rules(),
    ),
    close_reach=_REACH,
)  # fmt: skip

FORMS: Sequence[Form] = (
    Form(name="nse_fo_bhavcopy_old", title="NSE F&O bhavcopy to 2024", header=_HEADER,
         parts=(_FUTURES_PART, _OPTIONS_PART)),
    Form(name="nse_fo_report", title="NSE report of futures", header=_REPORT_HEADER, dated=False,
         segment=Segment.FNO, parts=(_REPORT,), prepare=_describe),
)  # fmt: skip
