"""Implied volatility, and price with five Greeks, at 400, 100,000 and 1,000,000 rows.

Beside the rivals that `make bench-rivals` installed, each in its own interpreter on the same input,
ours timed before and after each. Speed alone says nothing here, so every row tells how far the
answers are from 50 digits on out-of-the-money options, and how many are wrong or missing.
"""

from __future__ import annotations

import tempfile
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.pricing import greeks, implied_vol_with_status, price
from tests.benchmarks import option_rivals
from tests.benchmarks.rivals import elsewhere
from tests.benchmarks.timing import Row
from tests.unit.exact_options import Exact, apart, density, tail

Floats = NDArray[np.float64]

SEED = 20_261_121
SAMPLE = 240
WRONG = 1e-6  # relative: not rounding any more
PYTHON = {
    "py_vollib_vectorized": ".venv-bench/options-vectorized/bin/python",
    "fast-vollib (numba)": ".venv-bench/options-fast-vollib/bin/python",
}
OTHERS = ".venv-bench/options/bin/python"
WORKS = ("implied volatility", "price and five Greeks")
# rows a second that must be, and that would be ahead of everyone
BARS = {
    ("chain", 0): (400 / 250e-6, 400 / 180e-6),
    ("100k", 0): (5e6, 9e6),
    ("1M", 0): (5.5e6, 10e6),
    ("chain", 1): (400 / 75e-6, 400 / 37e-6),
    ("1M", 1): (13e6, 25e6),
}
ROWS = {"chain": 400, "100k": 100_000, "1M": 1_000_000}


def run() -> list[Row]:
    """Return the rows of the report; the ratio is our time over the rival's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = {"chain": chain(), "100k": market(100_000, SEED), "1M": market(1_000_000, SEED)}
        sample = market(SAMPLE, SEED + 1)
        for label, table in (*tables.items(), ("sample", sample)):
            np.save(folder / f"in_{label}.npy", table)
        exact = truth(sample)
        spread: dict[tuple[str, int], list[float]] = {}
        rows: list[Row] = []
        for rival in option_rivals.RIVALS:
            ours = times(tables)
            python = Path(PYTHON.get(rival, OTHERS))
            script = str(Path(option_rivals.__file__))
            theirs = elsewhere(python, [script, rival, str(folder)])
            for key, second in times(tables).items():
                spread.setdefault(key, []).extend((ours[key], second))
                ours[key] = (ours[key] + second) / 2
            rows += _beside(rival, ours, theirs, exact, folder)
        return [*_ours(spread, accuracy(found(sample), exact), tables["chain"]), *rows]


def chain() -> Floats:
    """Return one expiry of 400 options: 200 strikes, call and put, with a smile."""
    forward, years = 24_880.0, 6.0 / 365.0
    strike = np.repeat(19_900.0 + 50.0 * np.arange(200), 2)
    vol = 0.13 + 4.0 * np.log(strike / forward) ** 2
    return _table(np.full(400, forward), strike, np.full(400, years), vol, np.arange(400) % 2 == 0)


def market(rows: int, seed: int) -> Floats:
    """Return options of a whole market; those without a volatility in their price are left out."""
    rng = np.random.default_rng(seed)
    many = 2 * rows + 1000
    years = np.exp(rng.uniform(np.log(1 / 8760), np.log(400 / 365), many))
    strike = 25_000.0 * rng.uniform(0.6, 1.6, many)
    given = (np.full(many, 25_000.0), strike, years, rng.uniform(0.05, 1.2, many))
    table = _table(*given, rng.random(many) < 0.5)
    paid = np.maximum(np.where(table[5] > 0, table[0] - strike, strike - table[0]), 0.0)
    known = table[4] - paid > np.where(paid > 0.0, 0.01, 1e-12)
    chosen: Floats = np.ascontiguousarray(table[:, known][:, :rows])
    assert chosen.shape == (6, rows)
    return chosen


def _table(*columns: Any) -> Floats:
    forward, strike, years, vol, calls = columns
    worth = price(forward, strike, years, vol, is_call=calls)
    return np.array([forward, strike, years, vol, worth, calls.astype(np.float64)])


def times(tables: dict[str, Floats]) -> dict[tuple[str, int], float]:
    """Return our median seconds of each work on each input; a chain has one forward and time."""
    took = {}
    for label, table in tables.items():
        forward, strike, years, vol, worth = table[:5]
        calls = table[5] > 0
        if label == "chain":
            forward, years = forward[0], years[0]
        given = {"of": 1, "done": 1}
        works = (
            lambda _, a=(worth, forward, strike, years), c=calls: implied_vol_with_status(
                *a, is_call=c
            ),
            lambda _, a=(forward, strike, years, vol), c=calls: greeks(*a, is_call=c),
        )
        for number, work in enumerate(works):
            took[label, number] = option_rivals.seconds(work, given)
    return took


def found(sample: Floats) -> Floats:
    """Return what we find on the sample: volatility, price, delta, gamma, theta, vega."""
    forward, strike, years, vol, worth = sample[:5]
    calls = sample[5] > 0
    iv, _ = implied_vol_with_status(worth, forward, strike, years, is_call=calls)
    made = greeks(forward, strike, years, vol, is_call=calls)
    return np.array([iv, made.price, made.delta, made.gamma, made.theta_per_year, made.vega])


def truth(sample: Floats) -> list[tuple[Decimal, ...] | None]:
    """Return the same in 50 digits for options out of the money, None for the others."""
    rows: list[tuple[Decimal, ...] | None] = []
    for forward, strike, years, vol, worth, call in sample.T:
        if (strike < forward) if call else (strike > forward):
            rows.append(None)
            continue
        option = Exact(forward, strike, years, is_call=bool(call))
        sigma = Decimal(float(vol))
        with localcontext(prec=60):
            d1 = option.places(sigma)[0]
            slope, root = density(d1), option.years.sqrt()
            rows.append(
                (
                    option.vol(float(worth), float(vol)),
                    option.price(sigma),
                    tail(-d1) if call else -tail(d1),
                    slope / (option.forward * sigma * root),
                    -option.forward * slope * sigma / (2 * root),
                    option.vega(sigma),
                )
            )
    return rows


def accuracy(answers: Floats, exact: list[tuple[Decimal, ...] | None]) -> tuple[str, str]:
    """Return, for the volatility and for the rest, the largest error and how many are no use."""
    words = []
    for columns in ((0,), range(1, 6)):
        worst, wrong, missing = 0.0, 0, 0
        for answer, known in zip(answers.T, exact, strict=True):
            if known is None:
                continue
            given = [(answer[c], known[c]) for c in columns]
            if not all(np.isfinite(value) for value, _ in given):
                missing += 1
                continue
            error = max(apart(value, right) for value, right in given)
            worst, wrong = max(worst, error), wrong + (error > WRONG)
        count = sum(known is not None for known in exact)
        no_use = f"{wrong} wrong, {missing} missing of {count}"
        words.append(f"error {worst:.1e}; {no_use}")
    return words[0], words[1]


def _beside(
    rival: str,
    ours: dict[tuple[str, int], float],
    theirs: dict[str, list[float]] | None,
    exact: list[tuple[Decimal, ...] | None],
    folder: Path,
) -> list[Row]:
    if theirs is None:
        return [{"name": "options", "ours_s": None, "reference_s": None, "ratio": None, "must": "",
                 "note": f"{rival}: not installed (`make bench-rivals`)"}]  # fmt: skip
    words = accuracy(np.load(folder / "out.npy"), exact)
    return [
        {
            "name": f"{WORKS[number]}, {ROWS[label]:,} rows",
            "ours_s": ours[label, number],
            "reference_s": theirs[label][number],
            "ratio": ours[label, number] / theirs[label][number],
            "must": "",
            "note": f"{rival}: {words[number]}",
        }
        for number in (0, 1)
        for label in ROWS
    ]


def _ours(
    spread: dict[tuple[str, int], list[float]], words: tuple[str, str], table: Floats
) -> list[Row]:
    rows: list[Row] = []
    for (label, number), seconds in sorted(spread.items(), key=lambda each: each[0][1]):
        middle = float(np.median(seconds))
        must = ambition = ""
        if (label, number) in BARS:
            must, ambition = (f"{bar / 1e6:.3g} M/s" for bar in BARS[label, number])
        fast, slow = ROWS[label] / min(seconds) / 1e6, ROWS[label] / max(seconds) / 1e6
        speed = f"{slow:.2f} to {fast:.2f} M/s"
        ahead = f" (ambition {ambition})" if ambition else ""
        rows.append({"name": f"{WORKS[number]}, {ROWS[label]:,} rows", "ours_s": middle,
                     "reference_s": None, "ratio": None, "must": must and f">= {must}",
                     "note": f"{speed}{ahead}; {words[number]}"})  # fmt: skip
    forward, strike, years, _, worth = table[:5]
    calls = table[5] > 0

    def both(_: object) -> object:
        vol, _ = implied_vol_with_status(worth, forward[0], strike, years[0], is_call=calls)
        return greeks(forward[0], strike, years[0], vol, is_call=calls)

    took = option_rivals.seconds(both, {"of": 1, "done": 1})
    rows.append({"name": "a chain of 400, volatility and Greeks", "ours_s": took,
                 "reference_s": None, "ratio": None, "must": "<= 325 us",
                 "note": "ambition 230 us"})  # fmt: skip
    return rows
