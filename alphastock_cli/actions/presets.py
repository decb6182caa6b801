"""Named scans: a condition and an order in the `--where` language, ours and the person's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alphastock_cli.errors import UnknownName


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A saved condition and the order its rows are shown in."""

    where: str
    sort: str = ""
    top: int | None = None


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "oversold": Preset(where="rsi < 30", sort="rsi"),
        "overbought": Preset(where="rsi > 70", sort="rsi:desc"),
        "golden_cross": Preset(
            where="sma_50 > sma_200 and sma_50_prev <= sma_200_prev", sort="turnover:desc"
        ),
        "death_cross": Preset(
            where="sma_50 < sma_200 and sma_50_prev >= sma_200_prev", sort="turnover:desc"
        ),
        "breakout_52w": Preset(where="close > high_52w", sort="volume_ratio:desc"),
        "volume_shock": Preset(where="volume_ratio >= 3", sort="volume_ratio:desc"),
        "gap_up": Preset(where="gap_pct >= 2", sort="gap_pct:desc"),
        "gap_down": Preset(where="gap_pct <= -2", sort="gap_pct"),
        "high_delivery": Preset(where="delivery_pct >= 60", sort="delivery_pct:desc"),
        "near_support": Preset(
            where="close >= support and close <= support * 1.02", sort="turnover:desc"
        ),
    }
)


def find(name: str, own: Mapping[str, Preset]) -> Preset:
    """Return the preset `name`; the person's own hides one of ours of that name."""
    known = {**PRESETS, **own}
    if name not in known:
        raise UnknownName.of("preset", name, known, hint=f"Known: {', '.join(sorted(known))}.")
    return known[name]
