"""Who enters and who leaves since the session before: build-up of a contract by price and interest.

Where the earlier closes come from is the business of who asks; between two moments: `changes`.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from alphastock_cli.analytics.chain import traded
from alphastock_cli.analytics.changes import build_up


def with_build_up(
    chain: pl.DataFrame, before: pl.DataFrame | None, *, session: date
) -> pl.DataFrame:
    """Return the chain with `previous_close`, `price_change` and `build_up`.

    Parameters
    ----------
    chain : DataFrame
        `CHAIN` rows of one expiry; `oi_change` is against the session before.
    before : DataFrame or None
        ``strike, option_type, previous_close``: rupees, the close of the session before of those
        that traded then. None where nobody knows it.
    session : date
        Of the chain: only a last price that was made in it has changed.

    Returns
    -------
    DataFrame
        `price_change` in rupees, null where a price of either session is not known; `build_up` as
        `changes.build_up` names it, by that and `oi_change`.
    """
    if before is None:
        held = chain.with_columns(previous_close=pl.lit(None, dtype=pl.Float64))
    else:
        keys = ["strike", "option_type"]
        earlier = before.select(*keys, "previous_close").unique(keys, keep="first")
        held = chain.join(earlier, on=keys, how="left", maintain_order="left")
    moved = pl.when(traded(session)).then(pl.col("last_price") - pl.col("previous_close"))
    return held.with_columns(price_change=moved).with_columns(
        build_up=build_up(pl.col("price_change"), pl.col("oi_change"))
    )
