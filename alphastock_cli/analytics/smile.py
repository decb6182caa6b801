"""The smile of one expiry: SVI fitted to volatilities, checked for arbitrage, and its distribution.

Total variance over log-moneyness k = ln(K / F). The fit solves three of its five parameters exactly
on a box that keeps the wings inside Lee's bound, and searches the two others. Nothing here knows a
chain but `from_chain`; which chain and when is the runner's business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from alphastock_cli.analytics import _svi
from alphastock_cli.analytics._svi import Raw
from alphastock_cli.pricing.normal import cdf as normal_cdf
from alphastock_cli.pricing.normal import pdf as normal_pdf

Floats = NDArray[np.float64]

FEWEST_POINTS: Final = 5  # as many as there are parameters
WORST_FIT: Final = 0.10  # a typical miss of more than a tenth of the volatility is no fit
WING_SLOPE: Final = 2.0  # Lee: total variance grows at most twice as fast as log-moneyness
FREE_FIT: Final = 2.0  # a fit without arbitrage may miss so many times as much,
FREE_POINTS: Final = 0.002  # or so much more
_ROUNDING: Final = 1e-9
_GRID: Final = 2001


@dataclass(frozen=True, slots=True, kw_only=True)
class Svi:
    """A smile in the raw form of SVI, w(k) = a + b (ρ (k - m) + √((k - m)² + σ²)).

    Attributes
    ----------
    a, b, rho, m, sigma : float
        The parameters; w is total variance, volatility squared times `years`.
    years : float
        Time to expiry of the volatilities it was fitted to.
    rms_error : float
        Weighted root mean square of fitted less given volatility; 0.001 is 0.1 points.
    points : int
        Volatilities it was fitted to.
    butterfly_free : bool
        Whether no butterfly costs less than nothing: Durrleman's g is nowhere below zero on a grid
        that reaches into the wings, and b (1 + |ρ|) ≤ 2 beyond it. Where False, `cdf` may fall.
    lowest_density : float
        The lowest value of `density` on that grid; below zero where there is arbitrage.

    References
    ----------
    Gatheral & Jacquier, Arbitrage-free SVI volatility surfaces, Quantitative Finance 14 (2014),
    59-71: the raw form (3.1), g and the density (2.1, 2.2). Lee, The moment formula for implied
    volatility at extreme strikes, Mathematical Finance 14 (2004), 469-480: the slope of 2. The
    bound 4 that is often quoted with the raw form admits wings in which g is below zero.
    """

    a: float
    b: float
    rho: float
    m: float
    sigma: float
    years: float
    rms_error: float = 0.0
    points: int = 0
    butterfly_free: bool = True
    lowest_density: float = 0.0

    def total_variance(self, k: ArrayLike) -> Floats:
        """Return w at log-moneyness `k`: a fraction squared times years, of the shape of `k`."""
        return self._raw.total_variance(np.asarray(k, dtype=np.float64))

    def vol(self, k: ArrayLike) -> Floats:
        """Return the annual volatility at log-moneyness `k`; NaN where w is below zero."""
        with np.errstate(all="ignore"):
            return np.asarray(np.sqrt(self.total_variance(k) / self.years))

    def density(self, k: ArrayLike) -> Floats:
        """Return the risk-neutral density of ln(F_T / F) at `k`; NaN where w is not above zero.

        g(k) / √w · φ(-k / √w - √w / 2), φ the standard normal density.
        """
        x = np.asarray(k, dtype=np.float64)
        with np.errstate(all="ignore"):
            root = np.sqrt(self.total_variance(x))
            made = durrleman(self, x) / root * normal_pdf(x / root + root / 2.0)
            return np.asarray(np.where(root > 0.0, made, np.nan))

    def cdf(self, k: ArrayLike) -> Floats:
        """Return the risk-neutral probability that ln(F_T / F) ends at or below `k`.

        The undiscounted price of a digital put: Φ(-d2) + φ(d2) · w' / (2 √w). NaN where w is not
        above zero.
        """
        x = np.asarray(k, dtype=np.float64)
        with np.errstate(all="ignore"):
            root = np.sqrt(self.total_variance(x))
            z = x / root + root / 2.0  # -d2
            made = normal_cdf(z) + normal_pdf(z) * self._raw.slope(x) / (2.0 * root)
            return np.asarray(np.where(root > 0.0, made, np.nan))

    @property
    def _raw(self) -> Raw:
        return Raw(self.a, self.b, self.rho, self.m, self.sigma)


def durrleman(smile: Svi, k: ArrayLike) -> Floats:
    """Return g(k) of a smile, below zero where butterflies cost less than nothing.

    (1 - k w' / (2 w))² - w'² / 4 · (1 / w + 1 / 4) + w'' / 2; NaN where w is not above zero.
    """
    raw = Raw(smile.a, smile.b, smile.rho, smile.m, smile.sigma)
    return _svi.durrleman(raw, np.asarray(k, dtype=np.float64))


def fit(
    log_moneyness: ArrayLike, iv: ArrayLike, *, years: float, weights: ArrayLike | None = None
) -> Svi | None:
    """Return the SVI smile nearest to given volatilities, or None.

    Least squares in volatility. For a kink place and width (m, σ) the rest is linear in three
    numbers, found exactly on the box of admissible wings; the two are searched on a grid that
    closes in (the quasi-explicit way of Zeliade, *Quasi-explicit calibration of Gatheral's SVI
    model*, 2009, in numpy). Where the nearest smile has butterfly arbitrage, the nearest of those
    found without is taken if it misses at most twice as much, or 0.2 points of volatility more.

    Parameters
    ----------
    log_moneyness, iv : array_like, shape (n,)
        ln(K / F) and annual volatilities as fractions, any order. Rows with NaN, infinity or a
        volatility not above zero are left out.
    years : float
        Time to expiry.
    weights : array_like, shape (n,), optional
        Of the squared errors of volatility, for instance vega; rows not above zero are left out.

    Returns
    -------
    Svi or None
        None with fewer than 5 usable strikes, with no time left, and where the typical miss is
        over a tenth of the middle volatility. Never raises for what the numbers are.

    Raises
    ------
    ValueError
        The arrays differ in length.
    """
    k, vol = (np.asarray(each, dtype=np.float64).ravel() for each in (log_moneyness, iv))
    weight = np.ones(k.size) if weights is None else np.asarray(weights, dtype=np.float64).ravel()
    if not k.size == vol.size == weight.size:
        raise ValueError(f"{k.size} strikes, {vol.size} volatilities and {weight.size} weights")
    usable = np.isfinite(k) & np.isfinite(vol) & np.isfinite(weight) & (vol > 0.0) & (weight > 0.0)
    k, vol, weight = k[usable], vol[usable], weight[usable]
    if not (0.0 < years < math.inf) or np.unique(k).size < FEWEST_POINTS:
        return None
    weight = weight / weight.sum()
    # an error of total variance is 2 · vol · years times that of volatility
    flat = weight / (2.0 * vol * years) ** 2
    made = None
    for free in (False, True):
        raw = _svi.solve_raw(k, vol * vol * years, flat, free=free)
        if raw is None:
            break
        with np.errstate(all="ignore"):
            missed = np.sqrt(raw.total_variance(k) / years) - vol
            rms = float(np.sqrt(np.sum(weight * missed * missed)))
        # NaN is no fit either; and one without arbitrage is taken where it is about as near
        if not rms <= (WORST_FIT * float(np.median(vol)) if made is None else _near(made)):
            break
        made = checked(
            Svi(a=float(raw.a), b=float(raw.b), rho=float(raw.rho), m=float(raw.m),
                sigma=float(raw.sigma), years=years, rms_error=rms, points=int(k.size)),
            reach=float(np.abs(k).max()),
        )  # fmt: skip
        if made.butterfly_free:
            break
    return made


def _near(best: Svi) -> float:
    """Return how far a fit without arbitrage may miss where the best one misses so much."""
    return max(FREE_FIT * best.rms_error, best.rms_error + FREE_POINTS)


def checked(smile: Svi, *, reach: float = 0.0) -> Svi:
    """Return the smile with `butterfly_free` and `lowest_density` found on a grid.

    Parameters
    ----------
    reach : float
        The largest |k| of the data; the grid goes at least twice as far and ten deviations out.
    """
    spread = math.sqrt(max(float(smile.total_variance(0.0)), 0.0))
    far = max(2.0 * reach, 10.0 * spread, abs(smile.m) + 20.0 * smile.sigma)
    # dense about the kink, wide apart in the wings; and dense over the data
    bend = np.linspace(-1.0, 1.0, _GRID) * math.asinh((far + abs(smile.m)) / smile.sigma)
    k = np.concatenate([
        smile.m + smile.sigma * np.sinh(bend), np.linspace(-far, far, _GRID),
    ])  # fmt: skip
    variance, g, density = smile.total_variance(k), durrleman(smile, k), smile.density(k)
    steepest = smile.b * (1.0 + abs(smile.rho))
    free = (
        float(variance.min()) > 0.0
        and float(np.nanmin(g)) >= -_ROUNDING
        and steepest <= WING_SLOPE + _ROUNDING
    )
    return Svi(
        a=smile.a, b=smile.b, rho=smile.rho, m=smile.m, sigma=smile.sigma, years=smile.years,
        rms_error=smile.rms_error, points=smile.points, butterfly_free=free,
        lowest_density=float(np.nanmin(density)) if np.isfinite(density).any() else math.nan,
    )  # fmt: skip


def from_chain(frame: pl.DataFrame, *, years: float) -> Svi | None:
    """Return the smile of the out-of-the-money options of one enriched chain, or None.

    Calls from the forward up, puts below it, each weighted by its vega: that of a far strike is
    small, and so is what its quote says about volatility.

    Parameters
    ----------
    frame : DataFrame
        Rows with `option_type`, `log_moneyness`, `iv` and `vega_per_pct`.
    """
    call, k = pl.col("option_type") == "CE", pl.col("log_moneyness")
    rows = frame.filter(
        pl.col("iv").is_not_null() & pl.col("vega_per_pct").is_not_null()
        & pl.when(call).then(k >= 0.0).otherwise(k < 0.0)
    )  # fmt: skip
    if rows.height < FEWEST_POINTS:
        return None
    return fit(
        rows["log_moneyness"].to_numpy(), rows["iv"].to_numpy(), years=years,
        weights=rows["vega_per_pct"].to_numpy(),
    )  # fmt: skip
