"""One rival of the option mathematics, run by the interpreter of its own environment.

``python option_rivals.py NAME FOLDER`` times implied volatility and the Greeks on every input of
the folder and prints the seconds as JSON; what it found on `sample` it leaves beside. Knows nothing
of our package. Rivals that take one option at a time are looped over the first rows only.
"""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

LOOPED = 2_000  # rows that one at a time is timed on
ENOUGH = 0.5  # seconds
DAYS = 365.0
NAUTILUS_FROM = 1e-6  # rupees

# an input: forward, strike, years, vol, price and call (1.0) or put (0.0) as rows
Input = Any
Work = Callable[[Input], Any]


def vectorized() -> tuple[Work, Work, Work]:
    lib = import_module("py_vollib_vectorized")

    def vol(x: Input) -> Any:
        return lib.vectorized_implied_volatility_black(
            x["price"], x["forward"], x["strike"], x["zero"], x["years"], x["sign"],
            return_as="numpy", on_error="ignore",
        )  # fmt: skip

    def greeks(x: Input) -> Any:
        given = (x["sign"], x["forward"], x["strike"], x["years"], x["zero"], x["vol"])
        price = lib.vectorized_black(*given, return_as="numpy")
        return price, lib.get_all_greeks(*given, model="black", return_as="dict")

    return vol, greeks, _people_units


def fast_vollib() -> tuple[Work, Work, Work]:
    lib = import_module("fast_vollib")

    how = {"return_as": "numpy", "backend": "numba"}

    def vol(x: Input) -> Any:
        return lib.fast_implied_volatility_black(
            x["price"], x["forward"], x["strike"], 0.0, x["years"], x["flag"],
            on_error="ignore", **how,
        )  # fmt: skip

    def greeks(x: Input) -> Any:
        given = (x["flag"], x["forward"], x["strike"], x["years"], 0.0, x["vol"])
        made = lib.get_all_greeks(*given, model="black", return_as="dict", backend="numba")
        return lib.fast_black(*given, **how), made

    return vol, greeks, _people_units


def pyvolr() -> tuple[Work, Work, Work]:
    lib = import_module("pyvolr.black76")

    def vol(x: Input) -> Any:
        given = (x["price"], x["sign"], x["forward"], x["strike"], x["years"], 0.0)
        return lib.implied_vol(*given, on_error="ignore")

    def greeks(x: Input) -> Any:
        given = (x["sign"], x["forward"], x["strike"], x["years"], 0.0, x["vol"])
        return lib.price(*given), lib.greeks(*given)

    def raw(made: Any) -> Any:
        price, found = made
        return [price, *(found[name] for name in ("delta", "gamma", "theta", "vega"))]

    return vol, greeks, raw


def nautilus() -> tuple[Work, Work, Work]:
    lib = import_module("nautilus_trader.core.nautilus_pyo3")

    def solve(row: Any) -> float:
        f, k, t, _, p, c = row
        # its Rust ends the whole process on a price of next to nothing
        return float(lib.imply_vol(f, 0.0, 0.0, c, k, t, p)) if p > NAUTILUS_FROM else math.nan

    def vol(x: Input) -> Any:
        return [solve(row) for row in x["rows"]]

    def greeks(x: Input) -> Any:
        # without rho, which it does not have
        return [
            lib.black_scholes_greeks(f, 0.0, 0.0, v, c, k, t, 1.0) for f, k, t, v, _, c in x["rows"]
        ]

    def raw(made: Any) -> Any:
        return np.array([(g.price, g.delta, g.gamma, g.theta * DAYS, g.vega * 100) for g in made]).T

    return vol, greeks, raw


def quantlib() -> tuple[Work, Work, Work]:
    ql = import_module("QuantLib")

    kind = {True: ql.Option.Call, False: ql.Option.Put}

    def solve(row: Any) -> float:
        f, k, t, _, p, c = row
        try:
            # at its default accuracy two of five rows of a whole market are wrong
            found = ql.blackFormulaImpliedStdDev(kind[c], k, f, p, 1.0, 0.0, 0.2, 1e-15)
        except RuntimeError:
            return math.nan
        return float(found / math.sqrt(t))

    def one(row: Any) -> tuple[float, ...]:
        f, k, t, v, _, c = row
        made = ql.BlackCalculator(ql.PlainVanillaPayoff(kind[c], k), f, v * math.sqrt(t), 1.0)
        both = made.value(), made.deltaForward(), made.gammaForward()
        return (*both, made.theta(f, t), made.vega(t), made.rho(t))

    def vol(x: Input) -> Any:
        return [solve(row) for row in x["rows"]]

    def greeks(x: Input) -> Any:
        return [one(row) for row in x["rows"]]

    return vol, greeks, lambda made: np.array(made).T[:5]


def vollib() -> tuple[Work, Work, Work]:
    lib = import_module("vollib.black.greeks.analytical")
    black = import_module("vollib.black").black
    implied_volatility = import_module("vollib.black.implied_volatility").implied_volatility

    flag = {True: "c", False: "p"}
    parts = (black, lib.delta, lib.gamma, lib.theta, lib.vega, lib.rho)

    def solve(row: Any) -> float:
        f, k, t, _, p, c = row
        try:
            return float(implied_volatility(p, f, k, 0.0, t, flag[c]))
        except Exception:  # noqa: BLE001 - it has a class for each reason, and no common one
            return math.nan

    def vol(x: Input) -> Any:
        return [solve(row) for row in x["rows"]]

    def greeks(x: Input) -> Any:
        return [
            [part(flag[c], f, k, t, 0.0, v) for part in parts] for f, k, t, v, _, c in x["rows"]
        ]

    def raw(made: Any) -> Any:
        found = np.array(made).T[:5]
        found[3] *= DAYS
        found[4] *= 100
        return found

    return vol, greeks, raw


RIVALS = {
    "py_vollib_vectorized": vectorized,
    "fast-vollib (numba)": fast_vollib,
    "pyvolr": pyvolr,
    "nautilus_trader": nautilus,
    "QuantLib": quantlib,
    "vollib": vollib,
}
SCALAR = {"nautilus_trader", "QuantLib", "vollib"}


def _people_units(made: Any) -> Any:
    price, found = made
    scale = {"delta": 1.0, "gamma": 1.0, "theta": DAYS, "vega": 100.0}
    return [price, *(np.asarray(found[name]) * by for name, by in scale.items())]


def inputs(folder: Path, *, scalar: bool) -> Iterator[tuple[str, Input]]:
    """Yield each input by name, in every form that a rival may want."""
    for file in sorted(folder.glob("in_*.npy")):
        table = np.load(file)
        rows = table.shape[1]
        if scalar:
            table = table[:, :LOOPED]
        names = ("forward", "strike", "years", "vol", "price")
        found: Input = {name: each.copy() for name, each in zip(names, table, strict=False)}
        call = table[5] > 0
        found |= {
            "zero": np.zeros(call.size), "flag": np.where(call, "c", "p"), "of": rows,
            "sign": np.where(call, 1, -1), "done": call.size,
        }  # fmt: skip
        if scalar:
            columns = [*(each.tolist() for each in table[:5]), call.tolist()]
            found["rows"] = list(zip(*columns, strict=True))
        yield file.stem[3:], found


def seconds(work: Work, given: Input) -> float:
    """Return the median seconds of one call, after one to warm up, for all rows of the input."""
    work(given)
    took: list[float] = []
    while sum(took) < ENOUGH or len(took) < 3:
        began = time.perf_counter()
        work(given)
        took.append(time.perf_counter() - began)
    return median(took) * float(given["of"]) / float(given["done"])


def main(name: str, folder: Path) -> None:
    """Time the rival and print its seconds: input -> [implied volatility, Greeks]."""
    warnings.simplefilter("ignore")
    vol, greeks, raw = RIVALS[name]()
    took = {}
    for label, given in inputs(folder, scalar=name in SCALAR):
        if label == "sample":
            found = [np.asarray(vol(given), dtype=float), *raw(greeks(given))]
            np.save(folder / "out.npy", np.array(found, dtype=float))
        else:
            took[label] = [seconds(vol, given), seconds(greeks, given)]
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
