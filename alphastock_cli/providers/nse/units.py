"""Which unit a file of derivatives counts in, settled by the file's own figures or not at all.

Turnover divided by volume is a price or a price times the lot, and an open interest in units is a
multiple of the lot. Every row says which; where the rows do not agree the file is refused with the
count of each. No form is described here.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log10
from typing import Any

import polars as pl

from alphastock_cli.providers.nse.parts import Prepared, UnclearError

# columns made here; in the rows beside those of the file
CONTRACTS = "TtlTradgVol in contracts"
INTEREST = "open interest in units"
CHANGE = "change of open interest in units"
TURNOVER = "TtlTrfVal of notional value"
EXPIRY = "last day of trading"
CLOSE = "ClsPric of the contract"
SETTLEMENT = "SttlmPric of the contract"

_CLEAR = 0.9  # of the rows that can tell; copies of files have odd rows
_SLACK = 0.005  # an average price may lie this far outside the day's range: trades without it
_PAISA = 0.011  # of a sum printed with two decimals
_MULTIPLES = 0.95  # of open interests in units; the rest: lots that a corporate action changed
_BY_CHANCE = 0.25  # of open interests in contracts, at most: 1/lot of them is expected
_CHANCE = -3.0  # log10: less likely than one in a thousand
_OPTIONS = ("CE", "PE")


def settle_udiff(rows: pl.DataFrame, _: str) -> Prepared:
    """Add what a UDiFF file of segment FO counts, in contracts, units and rupees of notional value.

    Raises
    ------
    UnclearError
        The rows do not say what TtlTradgVol, TtlTrfVal or OpnIntrst count.
    """
    figures = _figures(rows)
    in_units, premium, notes = _volume(figures)
    interest_in_contracts, more = _interest(figures)
    lot, volume = pl.col("lot"), pl.col("volume")
    units = volume if in_units else volume * lot
    is_option = pl.col("is_option")
    value = pl.col("value")
    if premium:
        value = pl.when(is_option & (volume > 0)).then(value + pl.col("strike") * units)
        value = value.otherwise("value")
    scale = lot if interest_in_contracts else pl.lit(1.0)
    made = figures.select(
        _text("TtlTradgVol", volume, volume / lot if in_units else volume).alias(CONTRACTS),
        _text("TtlTrfVal", pl.col("value"), value).alias(TURNOVER),
        _text("OpnIntrst", pl.col("interest"), _times("interest", scale)).alias(INTEREST),
        _text("ChngInOpnIntrst", pl.col("change"), _times("change", scale)).alias(CHANGE),
        pl.coalesce("FininstrmActlXpryDt", "XpryDt").alias(EXPIRY),
        _close().alias(CLOSE),
        pl.when(~_is_underlying()).then("SttlmPric").alias(SETTLEMENT),
    )
    if foreign := figures.filter(_is_underlying()).height:
        more.append(f"ClsPric of options is their underlying's: {foreign} rows, LastPric is kept")
    moved = figures.filter(pl.col("FininstrmActlXpryDt") != pl.col("XpryDt")).height
    if moved:
        more.append(f"an expiry was moved: {moved} rows, FininstrmActlXpryDt is kept")
    return pl.concat([rows, made], how="horizontal"), (*notes, *more)


def settle_report(rows: pl.DataFrame, *, symbol: str) -> Prepared:
    """Add the open interest in units to the report of futures, which counts contracts.

    The lot is TRADED_QUA / TRD_NO_CON of the row; an open interest without a trade stays unknown.

    Raises
    ------
    UnclearError
        TRADED_QUA is no whole multiple of TRD_NO_CON, a symbol has two lots, or TRADED_VAL is not
        in rupees.
    """
    columns = {
        "units": "TRADED_QUA", "volume": "TRD_NO_CON", "value": "TRADED_VAL", "low": "LOW_PRICE",
        "high": "HIGH_PRICE", "interest": "OI_NO_CON",
    }  # fmt: skip
    figures = rows.select(
        "OI_NO_CON", pl.col(symbol).alias("symbol"), *_numbers(columns)
    ).with_columns(lot=pl.when(pl.col("volume") > 0).then(pl.col("units") / pl.col("volume")))
    traded = figures.filter(pl.col("volume") > 0)
    whole = traded.filter(pl.col("lot") == pl.col("lot").round()).height
    lots = traded.group_by("symbol").agg(pl.col("lot").n_unique())
    two = lots.filter(pl.col("lot") > 1).height
    fits = traded.filter(_inside(pl.col("value") / pl.col("units"), 0.0)).height
    counts = f"of {traded.height} traded rows"
    if whole < _CLEAR * traded.height or two > (1 - _CLEAR) * lots.height:
        raise UnclearError(
            "unclear what TRD_NO_CON counts: TRADED_QUA is a whole multiple of it in "
            f"{whole} {counts}; {two} of {lots.height} names have more than one lot"
        )
    if fits < _CLEAR * traded.height:
        raise UnclearError(
            "unclear what TRADED_VAL counts: TRADED_VAL / TRADED_QUA lies within the day's range "
            f"in {fits} {counts}"
        )
    interest = pl.col("interest")
    of_whole_lot = pl.when(pl.col("lot") == pl.col("lot").round()).then(interest * pl.col("lot"))
    units = pl.when(interest == 0).then(0.0).otherwise(of_whole_lot)
    made = figures.select(_text("OI_NO_CON", interest, units).alias(INTEREST), units=units)
    told = f"TRD_NO_CON counts contracts: {whole} {counts} have a whole lot"
    if unknown := made["units"].null_count():
        told += f"; open interest not known in units: {unknown} contracts without a trade"
    return pl.concat([rows, made.drop("units")], how="horizontal"), (told,)


def _is_underlying() -> pl.Expr:
    """Tell whether an option's close is that of its underlying, as BSE prints on the last day."""
    same = (pl.col("close") == pl.col("underlying")) & (pl.col("close") > 0)
    return (same & pl.col("is_option")).fill_null(value=False)


def _close() -> pl.Expr:
    last = pl.when(pl.col("volume") > 0).then("LastPric")
    return pl.when(_is_underlying()).then(last).otherwise("ClsPric")


# -- evidence -----------------------------------------------------------------------------------


def _figures(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the numbers of a UDiFF file; null where there is none, a lot of 0 is none."""
    columns = {
        "lot": "NewBrdLotQty", "volume": "TtlTradgVol", "value": "TtlTrfVal", "low": "LwPric",
        "high": "HghPric", "close": "ClsPric", "strike": "StrkPric", "interest": "OpnIntrst",
        "change": "ChngInOpnIntrst", "underlying": "UndrlygPric",
    }  # fmt: skip
    found = rows.with_columns(_numbers(columns))
    is_option = pl.col("OptnTp").is_in(_OPTIONS).fill_null(value=False)
    return found.with_columns(
        pl.when(pl.col("lot") > 0).then("lot"),
        is_option=is_option,
        strike=pl.when(is_option).then(pl.col("strike").fill_null(0.0)).otherwise(0.0),
    )


def _numbers(columns: Mapping[str, str]) -> list[pl.Expr]:
    return [pl.col(c).cast(pl.Float64, strict=False).alias(n) for n, c in columns.items()]


def _inside(price: pl.Expr, strike: pl.Expr | float) -> pl.Expr:
    """Tell whether an average price, the strike added, lies within the day's range."""
    dust = _PAISA / pl.col("volume")
    low = (pl.col("low") + strike) * (1 - _SLACK) - dust
    high = (pl.col("high") + strike) * (1 + _SLACK) + dust
    return price.is_between(low, high).fill_null(value=False)


def _volume(figures: pl.DataFrame) -> tuple[bool, bool, list[str]]:
    """Return whether the volume is in units, whether options' turnover is premium only, and why."""
    traded = figures.filter(
        (pl.col("volume") > 0) & (pl.col("value") > 0) & (pl.col("low") > 0)
    ).with_columns(mean=pl.col("value") / pl.col("volume"))
    if traded.is_empty():
        return False, False, _nothing_traded(figures)
    mean, strike = pl.col("mean"), pl.col("strike")
    judged = traded.with_columns(
        units_premium=_inside(mean, 0.0),
        units_notional=_inside(mean, strike),
        contracts_premium=_inside(mean / pl.col("lot"), 0.0),
        contracts_notional=_inside(mean / pl.col("lot"), strike),
    ).with_columns(
        units=pl.col("units_premium") | pl.col("units_notional"),
        contracts=pl.col("contracts_premium") | pl.col("contracts_notional"),
    )
    both = judged.filter(pl.col("units") & pl.col("contracts")).height
    by = {name: judged.filter(pl.col(name)).height - both for name in ("units", "contracts")}
    telling = judged.height - both
    winner = max(by, key=lambda name: by[name])
    loser = min(by, key=lambda name: by[name])
    one = figures["lot"].drop_nulls()
    if not telling and one.len() and (one == 1).all():
        return True, False, []  # a lot of one: both are the same
    ratio = _median(traded)
    if not telling or by[winner] < _CLEAR * telling:
        raise UnclearError(
            "unclear whether TtlTradgVol counts contracts or units: of "
            f"{judged.height} traded rows {by['contracts']} say contracts, {by['units']} units, "
            f"{both} both, {telling - by[winner] - by[loser]} neither{ratio}"
        )
    premium, kind = _premium(judged.filter(pl.col(winner) & pl.col("is_option")), winner)
    note = f"TtlTradgVol counts {winner}: {by[winner]} of {telling} rows say so{ratio}"
    return winner == "units", premium, [note, *kind]


def _nothing_traded(figures: pl.DataFrame) -> list[str]:
    """Return no note where nothing was traded; refuse volumes whose rows cannot tell."""
    count = figures.filter(pl.col("volume") > 0).height
    if count:
        raise UnclearError(
            "unclear whether TtlTradgVol counts contracts or units: "
            f"{count} traded rows, none with TtlTrfVal and a range of prices"
        )
    return []


def _median(traded: pl.DataFrame) -> str:
    """Return the usual ratio of turnover to close times volume, of futures, and their usual lot."""
    futures = traded.filter(~pl.col("is_option") & (pl.col("close") > 0))
    if futures.is_empty():
        return ""
    ratio: Any = futures.select((pl.col("mean") / pl.col("close")).median()).item()
    lot: Any = futures["lot"].median()
    told = "no lot" if lot is None else f"a lot of {lot:g}"
    return f"; futures have TtlTrfVal / (ClsPric x TtlTradgVol) of {ratio:.4g} and {told} (medians)"


def _premium(options: pl.DataFrame, unit: str) -> tuple[bool, list[str]]:
    """Return whether the turnover of options leaves the strike out, and what to say of it."""
    premium, notional = pl.col(f"{unit}_premium"), pl.col(f"{unit}_notional")
    only = [options.filter(a & ~b).height for a, b in ((premium, notional), (notional, premium))]
    total = sum(only)
    if not total:
        return False, []
    if max(only) < _CLEAR * total:
        raise UnclearError(
            "unclear whether TtlTrfVal of options holds the strike: "
            f"{only[0]} rows say premium only, {only[1]} strike and premium"
        )
    if only[0] < only[1]:
        return False, []
    told = f"{only[0]} of {total} rows say so; strike x units was added"
    return True, [f"TtlTrfVal of options is the premium: {told}"]


def _interest(figures: pl.DataFrame) -> tuple[bool, list[str]]:
    """Return whether open interest is in contracts, and the evidence."""
    held = figures.filter((pl.col("interest") > 0) & (pl.col("lot") > 1))
    if held.is_empty():
        return False, []
    is_multiple = pl.col("interest") % pl.col("lot") == 0
    multiples = held.filter(is_multiple)
    share = multiples.height / held.height
    told = f"{multiples.height} of {held.height} are multiples of NewBrdLotQty"
    # the chance that contracts are multiples of the lot in all those rows is the product of 1/lot
    chance = -sum(log10(lot) for lot in multiples["lot"].to_list())
    if share >= _MULTIPLES and chance <= _CHANCE:
        return False, [f"OpnIntrst counts units: {told}"]
    others = held.height - multiples.height
    if share <= _BY_CHANCE and others * log10(1 - _MULTIPLES) <= _CHANCE:
        return True, [f"OpnIntrst counts contracts: {told}"]
    raise UnclearError(f"unclear whether OpnIntrst counts contracts or units: {told}")


# -- text ---------------------------------------------------------------------------------------


def _times(name: str, scale: pl.Expr) -> pl.Expr:
    """Return a figure times the lot: none is none, whatever the lot is."""
    return pl.when(pl.col(name) == 0).then(0.0).otherwise(pl.col(name) * scale)


def _text(column: str, number: pl.Expr, made: pl.Expr) -> pl.Expr:
    """Return a made figure as text; a cell that is no number stays as it is and is refused."""
    as_read = pl.col(column).cast(pl.String)
    return pl.when(number.is_null()).then(as_read).otherwise(made.cast(pl.String))
