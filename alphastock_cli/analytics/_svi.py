"""The raw form of SVI and its least-squares fit; no volatility, no chain, no time in here.

With y = (k - m) / σ total variance is linear in three numbers, w = a + u·f(y) + v·h(y), where
f, h = (√(1 + y²) ± y) / 2: u / σ and v / σ are the slopes of the right and the left wing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEEPEST: Final = 2.0  # slope of a wing in total variance (Lee 2004)
_COARSE: Final = 24  # places of m and of σ on the first grid
_FINE: Final = 7  # and on the ones that close in
_ROUNDS: Final = 60
_PRECISE: Final = 1e-9
_CHECKED: Final = 201  # points at which a curve is looked at for arbitrage
_FAR: Final = 10.0  # the last of them, in log-moneyness
_CLEAR: Final = 1e-3  # what g keeps from zero there, for the places between
_MARGIN: Final = 1e-12  # of the mean variance: w must stay above it


@dataclass(frozen=True, slots=True)
class Raw:
    """w(k) = a + b (ρ (k - m) + √((k - m)² + σ²)), its slope and its curvature."""

    a: float | Floats
    b: float | Floats
    rho: float | Floats
    m: float | Floats
    sigma: float | Floats

    def total_variance(self, k: Floats) -> Floats:
        """Return w(k)."""
        return np.asarray(
            self.a + self.b * (self.rho * (k - self.m) + np.hypot(k - self.m, self.sigma))
        )

    def slope(self, k: Floats) -> Floats:
        """Return w'(k)."""
        return np.asarray(self.b * (self.rho + (k - self.m) / np.hypot(k - self.m, self.sigma)))

    def curvature(self, k: Floats) -> Floats:
        """Return w''(k)."""
        return np.asarray(self.b * self.sigma**2 / np.hypot(k - self.m, self.sigma) ** 3)


def durrleman(raw: Raw, k: Floats) -> Floats:
    """Return g(k), below zero where butterflies cost less than nothing.

    (1 - k w' / (2 w))² - w'² / 4 · (1 / w + 1 / 4) + w'' / 2; NaN where w is not above zero.
    """
    with np.errstate(all="ignore"):
        w, slope = raw.total_variance(k), raw.slope(k)
        made = (
            (1.0 - k * slope / (2.0 * w)) ** 2
            - slope**2 / 4.0 * (1.0 / w + 0.25)
            + raw.curvature(k) / 2.0
        )
        return np.asarray(np.where(w > 0.0, made, np.nan))


def solve_raw(k: Floats, w: Floats, weight: Floats, *, free: bool = False) -> Raw | None:
    """Return the parameters of least weighted squared error, None where nothing fits.

    Parameters
    ----------
    k, w, weight : ndarray, shape (n,)
        Log-moneyness, total variance and weights, finite; `weight` above zero.
    free : bool
        True takes kinks (m, σ) only whose best curve allows no butterfly arbitrage.
    """
    span = float(k.max() - k.min())
    if not span > 0.0:
        return None
    weight = weight / weight.sum()
    # the kink may lie beyond the strikes, as on a one-sided smile
    low, high = float(k.min()) - span, float(k.max()) + span
    thin, wide = np.log(0.005 * span), np.log(10.0 * span)
    places, widths = np.linspace(low, high, _COARSE), np.linspace(thin, wide, _COARSE)
    step = np.array([places[1] - places[0], widths[1] - widths[0]])
    half = np.linspace(-1.0, 1.0, _FINE)
    at = _best(k, w, weight, (places, widths), free=free)
    for _ in range(_ROUNDS):
        if at is None or step[1] < _PRECISE:
            break
        m, width = at
        around = (
            np.clip(m + half * step[0], low, high), np.clip(width + half * step[1], thin, wide)
        )  # fmt: skip
        moved = _best(k, w, weight, around, free=free)
        if moved is None:
            break
        # a step to the rim means the valley goes on there: follow it before closing in
        inside = abs(moved[0] - m) < 0.9 * step[0] and abs(moved[1] - width) < 0.9 * step[1]
        step = step * 0.5 if inside else step
        at = moved
    if at is None:
        return None
    m, sigma = at[0], float(np.exp(at[1]))
    a, u, v, _ = (each.item() for each in _linear(k, w, weight, np.array([m]), np.array([sigma])))
    b = (u + v) / (2.0 * sigma)
    rho = (u - v) / (u + v) if u + v > 0.0 else 0.0
    return Raw(a, b, rho, m, sigma)


def _best(
    k: Floats, w: Floats, weight: Floats, around: tuple[Floats, Floats], *, free: bool
) -> tuple[float, float] | None:
    """Return the m and ln σ of least error among all pairs, None where no curve is admissible."""
    m, width = (each.ravel() for each in np.meshgrid(*around))
    sigma = np.exp(width)
    a, u, v, error = _linear(k, w, weight, m, sigma)
    if free:
        error = np.where(
            _no_butterfly((a, u, v), m, sigma, 2.0 * float(np.abs(k).max())), error, np.inf
        )
    best = int(np.argmin(error))
    return (float(m[best]), float(width[best])) if np.isfinite(error[best]) else None


def _no_butterfly(
    linear: tuple[Floats, Floats, Floats], m: Floats, sigma: Floats, reach: float
) -> NDArray[np.bool_]:
    """Tell for each curve whether Durrleman's g stays above zero, in the wings and the middle.

    `linear` is a, u and v; the middle goes to log-moneyness `reach` on both sides.
    """
    a, u, v = linear
    with np.errstate(all="ignore"):
        b = (u + v) / (2.0 * sigma)
        rho = np.where(b > 0.0, (u - v) / (u + v), 0.0)
        y = np.sinh(np.linspace(-1.0, 1.0, _CHECKED) * np.arcsinh(_FAR / sigma)[:, None])
        near = np.broadcast_to(np.linspace(-reach, reach, _CHECKED), y.shape)
        at = np.concatenate([m[:, None] + sigma[:, None] * y, near], axis=1)
        curve = Raw(*(each[:, None] for each in (a, b, rho, m, sigma)))
        return np.asarray((durrleman(curve, at) > _CLEAR).all(axis=1))


def _linear(
    k: Floats, w: Floats, weight: Floats, m: Floats, sigma: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return a, u, v and the squared error, of least error with 0 ≤ u, v ≤ 2σ, for each (m, σ).

    Infinite error where the smile would touch zero.
    """
    y = (k - m[:, None]) / sigma[:, None]
    root = np.sqrt(1.0 + y * y)
    # the smaller of the two without cancellation: f · h = 1 / 4
    large = (root + np.abs(y)) / 2.0
    small = 0.25 / large
    f, h = np.where(y > 0.0, large, small), np.where(y > 0.0, small, large)
    mean_f, mean_h, mean_w = f @ weight, h @ weight, float(w @ weight)
    f, h, t = f - mean_f[:, None], h - mean_h[:, None], w - mean_w
    ff, hh, fh = (f * f) @ weight, (h * h) @ weight, (f * h) @ weight
    ft, ht, tt = f @ (weight * t), h @ (weight * t), float(t @ (weight * t))
    most = STEEPEST * sigma
    with np.errstate(all="ignore"):
        u, v = _on_box((ff, hh, fh), (ft, ht), most)
        error = tt - 2.0 * (u * ft + v * ht) + u * u * ff + 2.0 * u * v * fh + v * v * hh
        a = mean_w - u * mean_f - v * mean_h
        # the least total variance of all k is a + b σ √(1 - ρ²) = a + √(u v)
        positive = a + np.sqrt(u * v) > _MARGIN * mean_w
    return a, u, v, np.where(positive & np.isfinite(error), error, np.inf)


def _on_box(
    squares: tuple[Floats, Floats, Floats], targets: tuple[Floats, Floats], most: Floats
) -> tuple[Floats, Floats]:
    """Return the u and v of least error inside the box: free, or the best point of its four sides.

    `squares` are the sums of f², h² and f·h, `targets` those of f and h times total variance.

    The error is convex, so a free minimum inside is the answer and else one side holds it.
    """
    (ff, hh, fh), (ft, ht) = squares, targets
    determinant = ff * hh - fh * fh
    u, v = (hh * ft - fh * ht) / determinant, (ff * ht - fh * ft) / determinant
    inside = (determinant > 0.0) & (u >= 0.0) & (v >= 0.0) & (u <= most) & (v <= most)
    best_u, best_v = np.zeros_like(most), np.zeros_like(most)
    least = np.full_like(most, np.inf)
    for side in (np.zeros_like(most), most):
        along_v = np.clip(np.nan_to_num((ht - fh * side) / hh), 0.0, most)
        along_u = np.clip(np.nan_to_num((ft - fh * side) / ff), 0.0, most)
        for one, two in ((side, along_v), (along_u, side)):
            error = one * one * ff + 2.0 * one * two * fh + two * two * hh
            error = error - 2.0 * (one * ft + two * ht)
            lower = error < least
            least = np.where(lower, error, least)
            best_u, best_v = np.where(lower, one, best_u), np.where(lower, two, best_v)
    return np.where(inside, u, best_u), np.where(inside, v, best_v)
