"""Published prices, volatilities and Greeks, and the same to 25 digits.

`reference_greeks.csv` gives for each quantity the inputs, the value printed in the source with the
tolerance of its print (where there is one), and the value to 25 digits. The sources are named row
by row; American options have no closed form and are not this package's.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from alphastock_cli.pricing import greeks, implied_vol, price

TABLE = Path(__file__).parent / "data" / "reference_greeks.csv"
NAMES = {
    "theta": "theta_per_year",
    "vega_per_point": "vega_per_pct",
    "rho_per_point": "rho_per_pct",
    "lambda": "elasticity",
}
THIRD_ORDER = {"speed", "zomma", "color", "ultima"}


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def computed(row: dict[str, str]) -> float:
    spot = row["model"] == "bsm"
    underlying, strike, years, rate, paid = (
        float(row[name]) for name in ("underlying", "strike", "t", "r", "q")
    )
    is_call = row["flag"] == "c"
    if row["quantity"] == "implied_vol":
        forward = underlying * np.exp((rate - paid) * years) if spot else underlying
        given = float(row["option_price"])
        return float(implied_vol(given, forward, strike, years, rate=rate, is_call=is_call))
    found = greeks(
        underlying,
        strike,
        years,
        float(row["sigma"]),
        rate=rate,
        is_call=is_call,
        model="bsm" if spot else "black76",
        dividend_yield=paid if spot else 0.0,
        second_order=True,
    )
    if row["quantity"] == "price" and not spot:
        alone = price(underlying, strike, years, float(row["sigma"]), rate=rate, is_call=is_call)
        assert alone == pytest.approx(found.price, rel=1e-15)
    return float(getattr(found, NAMES.get(row["quantity"], row["quantity"])))


@pytest.mark.parametrize(
    "row", rows(), ids=lambda row: f"{row['quantity']}-{row['model']}-{row['flag']}-{row['strike']}"
)
def test_row(row: dict[str, str]) -> None:
    if row["model"].startswith("american"):
        pytest.skip("an American option: no closed form, not offered")
    found = computed(row)
    if row["published"]:
        assert found == pytest.approx(float(row["published"]), abs=float(row["tolerance"]))
    relative = 1e-9 if row["quantity"] in THIRD_ORDER else 1e-12
    assert found == pytest.approx(float(row["value"]), rel=relative, abs=0.0)


def test_the_table_is_the_whole_one() -> None:
    table = rows()
    assert len(table) == 244
    assert sum(bool(row["published"]) for row in table) == 120
    assert sum(row["model"] == "american_bsm" for row in table) == 15
    assert all(row["source"] for row in table)
