"""The forms of end-of-day file we know: how each is recognised and what its columns mean.

A form is recognised by the names in its header, never by the file's name. Forms of shares and
indices are here; the others have modules of their own. Units and oddities: `docs/data-sources.md`.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from alphastock_cli.providers.nse import commodities, contracts, rates
from alphastock_cli.providers.nse.parts import LAKH, Form, Part, constant, fields, names, prices
from alphastock_cli.providers.nse.rows import Field

_CRORE = 10_000_000.0


def _lakhs_or_rupees(frame: pl.DataFrame) -> pl.DataFrame:
    """Set turnover in rupees, deciding row by row, and drop zeros that stand for "not collected".

    TURNOVER_LACS is in lakhs as published; copies built from the old bhavcopy hold rupees there.
    Close times shares is within a few percent of the turnover in rupees, so a hundredth of it
    tells the two apart. Such copies have 0 trades and delivery for shares that were traded.
    """
    value = pl.col("close") * pl.col("volume")
    rupees = pl.col("turnover") > 0.01 * value
    missing = (pl.col("trades") == 0) & (pl.col("volume") > 0)
    return frame.with_columns(
        pl.when(rupees).then(pl.col("turnover")).otherwise(pl.col("turnover") * LAKH),
        pl.lit("NSE").alias("exchange"),
        *(
            pl.when(~(missing & (pl.col(name) == 0)).fill_null(value=False)).then(pl.col(name))
            for name in ("trades", "delivery_quantity", "delivery_pct")
        ),
    )


def _index_rows(frame: pl.DataFrame) -> pl.DataFrame:
    from alphastock_cli.exchange.indices import canonical_index

    names = frame["name"].unique().drop_nulls().to_list()
    canonical = {name: canonical_index(name) for name in names}
    return frame.with_columns(
        pl.col("name").replace_strict(canonical, default=None).alias("symbol"),
        pl.lit("NSE").alias("exchange"),
    )


def _ind_close(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the previous close: the close less the printed change in points."""
    before = (pl.col("close") - pl.col("points")).round(4)
    return _index_rows(frame).with_columns(before.alias("previous_close")).drop("points")


_SEC_HEADER = names(
    "SYMBOL SERIES DATE1 PREV_CLOSE OPEN_PRICE HIGH_PRICE LOW_PRICE LAST_PRICE "
    "CLOSE_PRICE AVG_PRICE TTL_TRD_QNTY TURNOVER_LACS NO_OF_TRADES DELIV_QTY DELIV_PER"
)
_SEC = Part(
    dataset="equities_day",
    fields=(
        *fields("text", symbol="SYMBOL", series="SERIES"),
        Field(name="date", column="DATE1", kind="date"),
        *prices(
            previous_close="PREV_CLOSE", open="OPEN_PRICE", high="HIGH_PRICE", low="LOW_PRICE",
            last="LAST_PRICE", close="CLOSE_PRICE", average_price="AVG_PRICE",
        ),
        *fields("number", turnover="TURNOVER_LACS", delivery_pct="DELIV_PER"),
        *fields(
            "whole", volume="TTL_TRD_QNTY", trades="NO_OF_TRADES", delivery_quantity="DELIV_QTY"
        ),
    ),
    finish=_lakhs_or_rupees,
)  # fmt: skip

_OLD_HEADER = names(
    "SYMBOL SERIES OPEN HIGH LOW CLOSE LAST PREVCLOSE TOTTRDQTY TOTTRDVAL TIMESTAMP"
)
_OLD_FIELDS = (
    *fields("text", symbol="SYMBOL", series="SERIES"),
    Field(name="date", column="TIMESTAMP", kind="date"),
    *prices(open="OPEN", high="HIGH", low="LOW", close="CLOSE", last="LAST",
             previous_close="PREVCLOSE"),
    *fields("number", turnover="TOTTRDVAL"),
    *fields("whole", volume="TOTTRDQTY"),
)  # fmt: skip

_UDIFF_HEADER = names(
    "TradDt Sgmt Src ISIN TckrSymb SctySrs FinInstrmNm OpnPric HghPric LwPric ClsPric "
    "LastPric PrvsClsgPric TtlTradgVol TtlTrfVal TtlNbOfTxsExctd"
)
_UDIFF = Part(
    dataset="equities_day",
    fields=(
        *fields("text", symbol="TckrSymb", series="SctySrs", name="FinInstrmNm", isin="ISIN",
                 exchange="Src"),
        Field(name="date", column="TradDt", kind="date", formats=("%Y-%m-%d", "%d-%b-%Y")),
        *prices(open="OpnPric", high="HghPric", low="LwPric", close="ClsPric", last="LastPric",
                 previous_close="PrvsClsgPric"),
        *fields("number", turnover="TtlTrfVal"),
        *fields("whole", volume="TtlTradgVol", trades="TtlNbOfTxsExctd"),
    ),
)  # fmt: skip

_PD_HEADER = names(
    "MKT SERIES SYMBOL SECURITY PREV_CL_PR OPEN_PRICE HIGH_PRICE LOW_PRICE CLOSE_PRICE "
    "NET_TRDVAL NET_TRDQTY IND_SEC CORP_IND TRADES HI_52_WK LO_52_WK"
)
_PD_PRICES = prices(
    previous_close="PREV_CL_PR", open="OPEN_PRICE", high="HIGH_PRICE", low="LOW_PRICE",
    close="CLOSE_PRICE",
)  # fmt: skip
_PD_EQUITIES = Part(
    dataset="equities_day",
    fields=(
        *fields("text", symbol="SYMBOL", series="SERIES"),
        *_PD_PRICES,
        *fields("number", turnover="NET_TRDVAL"),
        *fields("whole", volume="NET_TRDQTY", trades="TRADES"),
    ),
    keep=lambda: pl.col("SYMBOL").is_not_null() | pl.col("SERIES").is_not_null(),
    finish=constant(exchange="NSE"),
)
# NET_TRDVAL and NET_TRDQTY of the row "Nifty 50" are those of the whole market, of the others 0
_PD_INDICES = Part(
    dataset="indices_day",
    fields=(*fields("text", name="SECURITY"), *_PD_PRICES),
    # headings between the parts of the report have a name and no figure
    keep=lambda: pl.col("SYMBOL").is_null() & pl.col("SERIES").is_null()
    & pl.any_horizontal(pl.col(field.column).is_not_null() for field in _PD_PRICES),
    finish=_index_rows,
)  # fmt: skip

_IND_HEADER = frozenset(
    {"Index Name", "Index Date", "Open Index Value", "High Index Value", "Low Index Value",
     "Closing Index Value", "Points Change", "Volume", "Turnover (Rs. Cr.)", "P/E", "P/B",
     "Div Yield"}
)  # fmt: skip
_IND = Part(
    dataset="indices_day",
    fields=(
        *fields("text", name="Index Name"),
        Field(name="date", column="Index Date", kind="date", formats=("%d-%m-%Y", "%d-%b-%Y")),
        *prices(open="Open Index Value", high="High Index Value", low="Low Index Value",
                 close="Closing Index Value"),
        *fields("number", points="Points Change", pe="P/E", pb="P/B",
                 dividend_yield="Div Yield"),
        Field(name="turnover", column="Turnover (Rs. Cr.)", scale=_CRORE, zero_is_missing=True),
        Field(name="volume", column="Volume", kind="whole", zero_is_missing=True),
    ),
    finish=_ind_close,
)  # fmt: skip

_BSE_HEADER = names(
    "SC_CODE SC_NAME SC_GROUP SC_TYPE OPEN HIGH LOW CLOSE LAST PREVCLOSE NO_TRADES "
    "NO_OF_SHRS NET_TURNOV"
)
_BSE_FIELDS = (
    *fields("text", symbol="SC_CODE", name="SC_NAME", series="SC_GROUP"),
    *prices(open="OPEN", high="HIGH", low="LOW", close="CLOSE", last="LAST",
             previous_close="PREVCLOSE"),
    *fields("number", turnover="NET_TURNOV"),
    *fields("whole", volume="NO_OF_SHRS", trades="NO_TRADES"),
)  # fmt: skip
_BSE = Part(dataset="equities_day", fields=_BSE_FIELDS, finish=constant(exchange="BSE"))
# the same with two more columns, published as EQ_ISINCODE_DDMMYY
_BSE_DATED = Part(
    dataset="equities_day",
    fields=(
        *_BSE_FIELDS, *fields("text", isin="ISIN_CODE"),
        Field(name="date", column="TRADING_DATE", kind="date",
              formats=("%d-%b-%y", "%d-%b-%Y", "%Y%m%d", "%Y-%m-%d")),
    ),
    finish=constant(exchange="BSE"),
)  # fmt: skip

# the more particular header first: the history has every column of sec_bhavdata_full
FORMS: Sequence[Form] = (
    Form(name="nse_sec_bhavdata_history", title="sec_bhavdata_full, collected over years",
         header=_SEC_HEADER | {"FILE_DATE"}, parts=(_SEC,)),
    Form(name="nse_sec_bhavdata_full", title="NSE sec_bhavdata_full", header=_SEC_HEADER,
         parts=(_SEC,)),
    Form(name="nse_udiff_cm", title="UDiFF bhavcopy, CM or FO", header=_UDIFF_HEADER,
         parts=(_UDIFF,), market=("CM", "NSE"),
         siblings=(
             Form(name="bse_udiff_cm", title="UDiFF CM bhavcopy", header=_UDIFF_HEADER,
                  parts=(_UDIFF,), market=("CM", "BSE")),
             *contracts.UDIFF,
         )),
    Form(name="nse_pd_report", title="NSE Pd report", header=_PD_HEADER, dated=False,
         parts=(_PD_EQUITIES, _PD_INDICES)),
    Form(name="nse_ind_close_all", title="NSE ind_close_all", header=_IND_HEADER, parts=(_IND,)),
    Form(name="bse_bhavcopy_old", title="BSE bhavcopy to 2024",
         header=_BSE_HEADER | {"ISIN_CODE", "TRADING_DATE"}, parts=(_BSE_DATED,)),
    Form(name="bse_bhavcopy_old", title="BSE bhavcopy to 2024", header=_BSE_HEADER, dated=False,
         parts=(_BSE,)),
    Form(name="nse_bhavcopy_old", title="NSE bhavcopy to 2024", header=_OLD_HEADER,
         parts=(
             Part(dataset="equities_day",
                  fields=(*_OLD_FIELDS, *fields("whole", trades="TOTALTRADES"),
                          *fields("text", isin="ISIN")),
                  finish=constant(exchange="NSE")),
         )),
    *contracts.FORMS,
    *commodities.FORMS,
    *rates.FORMS,
)  # fmt: skip


def recognise(columns: Sequence[str]) -> Form | None:
    """Return the form whose header these columns are, or None."""
    have = set(columns)
    return next((form for form in FORMS if form.header <= have), None)
