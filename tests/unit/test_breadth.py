"""Movers, breadth, sentiment and sectors against loops in plain Python."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest

from alphastock_cli.analytics import breadth

SCHEMA = {
    "symbol": pl.String, "sector": pl.String, "close": pl.Float64, "change": pl.Float64,
    "change_pct": pl.Float64, "volume_ratio": pl.Float64, "turnover": pl.Float64,
    "sma_50": pl.Float64, "sma_200": pl.Float64, "high_52w": pl.Float64, "low_52w": pl.Float64,
}  # fmt: skip
Row = dict[str, Any]


def market(count: int, *, seed: int) -> list[Row]:
    """Return symbols with gaps everywhere and ties in change and turnover."""
    rng = random.Random(seed)

    def maybe(value: float, share: float = 0.2) -> float | None:
        return None if rng.random() < share else value

    found = []
    for number in range(count):
        close = round(rng.uniform(50, 150), 2)
        pct = maybe(rng.choice([-5.0, -1.0, 0.0, 0.0, 1.0, 2.5, 5.0]), 0.1)
        found.append(
            {
                "symbol": f"S{number:03}",
                "sector": rng.choice(["Banks", "Metals", "Power", None]),
                "close": close,
                "change": None if pct is None else close * pct / 100.0,
                "change_pct": pct,
                "volume_ratio": maybe(rng.choice([0.5, 1.0, 3.0])),
                "turnover": maybe(rng.choice([0.0, 1e6, 2e7, 5e7]), 0.1),
                "sma_50": maybe(100.0), "sma_200": maybe(95.0),
                "high_52w": maybe(140.0), "low_52w": maybe(60.0),
            }
        )  # fmt: skip
    rng.shuffle(found)
    return found


def frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


def liquid(rows: list[Row], floor: float) -> list[Row]:
    return [row for row in rows if row["turnover"] is not None and row["turnover"] >= floor]


MARKETS = [market(60, seed=seed) for seed in range(5)]


@pytest.mark.parametrize("rows", MARKETS)
@pytest.mark.parametrize("floor", [0.0, 1e7])
def test_movers_against_plain_sorting(rows: list[Row], floor: float) -> None:
    up, down = breadth.movers(frame(rows), floor=floor, n=7)
    traded = [row for row in liquid(rows, floor) if row["change_pct"] is not None]
    gained = sorted(
        (row for row in traded if row["change_pct"] > 0),
        key=lambda row: (-row["change_pct"], row["symbol"]),
    )
    lost = sorted(
        (row for row in traded if row["change_pct"] < 0),
        key=lambda row: (row["change_pct"], row["symbol"]),
    )
    assert up["symbol"].to_list() == [row["symbol"] for row in gained[:7]]
    assert down["symbol"].to_list() == [row["symbol"] for row in lost[:7]]
    assert up.columns == ["symbol", "close", "change_pct", "volume_ratio", "turnover"]


@pytest.mark.parametrize("rows", MARKETS)
def test_volume_leaders_against_plain_sorting(rows: list[Row]) -> None:
    got = breadth.volume_leaders(frame(rows), floor=1e7, n=9)
    known = [row for row in liquid(rows, 1e7) if row["volume_ratio"] is not None]
    known.sort(key=lambda row: (-row["volume_ratio"], row["symbol"]))
    assert got["symbol"].to_list() == [row["symbol"] for row in known[:9]]


def test_volume_leaders_of_a_short_history_are_the_most_traded() -> None:
    rows = [{**row, "volume_ratio": None} for row in MARKETS[0]]
    got = breadth.volume_leaders(frame(rows), floor=1e7, n=5)
    ranked = sorted(liquid(rows, 1e7), key=lambda row: (-row["turnover"], row["symbol"]))
    assert got["symbol"].to_list() == [row["symbol"] for row in ranked[:5]]


def share_above(rows: list[Row], name: str) -> float | None:
    known = [row["close"] > row[name] for row in rows if row[name] is not None]
    return 100.0 * sum(known) / len(known) if known else None


@pytest.mark.parametrize("rows", MARKETS)
def test_breadth_against_plain_counting(rows: list[Row]) -> None:
    got = breadth.breadth(frame(rows))
    changes = [row["change"] for row in rows if row["change"] is not None]
    up, down = sum(c > 0 for c in changes), sum(c < 0 for c in changes)
    p50, p200 = share_above(rows, "sma_50"), share_above(rows, "sma_200")
    highs = sum(r["close"] > r["high_52w"] for r in rows if r["high_52w"] is not None)
    lows = sum(r["close"] < r["low_52w"] for r in rows if r["low_52w"] is not None)
    assert (got["advances"], got["declines"]) == (up, down)
    assert got["unchanged"] == len(changes) - up - down
    assert got["above_sma_50_pct"] == pytest.approx(p50)
    assert got["above_sma_200_pct"] == pytest.approx(p200)
    assert (got["new_highs"], got["new_lows"]) == (highs, lows)
    assert got["advance_decline_ratio"] == pytest.approx(up / down)
    assert p50 is not None
    assert p200 is not None
    parts = [
        (0.4, (up - down) / (up + down)), (0.2, 2 * p50 / 100 - 1), (0.2, 2 * p200 / 100 - 1),
    ]  # fmt: skip
    if highs + lows:
        parts.append((0.2, (highs - lows) / (highs + lows)))
    score = 100 * sum(w * v for w, v in parts) / sum(w for w, _ in parts)
    assert got["sentiment"] == pytest.approx(score)
    assert got["sentiment_word"] == breadth.word(score)


def test_breadth_of_a_short_history_knows_no_averages_and_no_extremes() -> None:
    names = ("sma_50", "sma_200", "high_52w", "low_52w")
    rows = [{**row, **dict.fromkeys(names)} for row in MARKETS[1]]
    got = breadth.breadth(frame(rows))
    assert got["above_sma_50_pct"] is got["above_sma_200_pct"] is None
    assert got["new_highs"] is got["new_lows"] is None
    up, down = got["advances"], got["declines"]
    assert got["sentiment"] == pytest.approx(100 * (up - down) / (up + down))


def test_breadth_of_nothing() -> None:
    got = breadth.breadth(frame([]))
    assert (got["advances"], got["declines"], got["unchanged"]) == (0, 0, 0)
    assert got["advance_decline_ratio"] is got["sentiment"] is got["sentiment_word"] is None


def test_no_declines_no_ratio() -> None:
    rows = [{**row, "change": 1.0} for row in MARKETS[2]]
    got = breadth.breadth(frame(rows))
    assert got["declines"] == 0
    assert got["advance_decline_ratio"] is None


FACTS = {
    "advances": 0, "declines": 0, "above_sma_50_pct": None, "above_sma_200_pct": None,
    "new_highs": None, "new_lows": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("known", "score"),
    [
        ({}, None),
        ({"advances": 10}, 100.0),
        ({"declines": 10}, -100.0),
        ({"advances": 3, "declines": 1}, 50.0),
        ({"above_sma_50_pct": 75.0}, 50.0),
        ({"advances": 1, "above_sma_200_pct": 0.0}, 100 * (0.4 - 0.2) / 0.6),
        ({"new_highs": 3, "new_lows": 1, "above_sma_50_pct": 50.0}, 25.0),
        ({"new_highs": 0, "new_lows": 0, "advances": 1}, 100.0),
        (
            {"advances": 1, "declines": 3, "above_sma_50_pct": 100.0, "above_sma_200_pct": 0.0,
             "new_highs": 1, "new_lows": 0},
            100 * (0.4 * -0.5 + 0.2 - 0.2 + 0.2),
        ),
    ],
)  # fmt: skip
def test_sentiment_by_hand(known: dict[str, Any], score: float | None) -> None:
    got = breadth.sentiment({**FACTS, **known})
    assert got == (None if score is None else pytest.approx(score))


@pytest.mark.parametrize(
    ("score", "word"),
    [(100.0, "very bullish"), (50.0, "very bullish"), (49.9, "bullish"), (15.0, "bullish"),
     (14.9, "neutral"), (0.0, "neutral"), (-15.0, "neutral"), (-15.1, "bearish"),
     (-50.0, "bearish"), (-50.1, "very bearish"), (-100.0, "very bearish")],
)  # fmt: skip
def test_words(score: float, word: str) -> None:
    assert breadth.word(score) == word


def plain_sector(name: str, rows: list[Row]) -> Row:
    known = [row for row in rows if row["change_pct"] is not None]
    weighed = [row for row in known if row["turnover"] is not None]
    weight = sum(row["turnover"] for row in weighed)
    best = min(known, key=lambda row: (-row["change_pct"], row["symbol"]), default=None)
    return {
        "sector": name, "symbols": len(rows),
        "advances": sum(row["change"] > 0 for row in known),
        "declines": sum(row["change"] < 0 for row in known),
        "mean_change_pct": sum(row["change_pct"] for row in known) / len(known) if known else None,
        "weighted_change_pct": sum(r["change_pct"] * r["turnover"] for r in weighed) / weight
        if weight else None,
        "turnover": sum(row["turnover"] for row in rows if row["turnover"] is not None),
        "top_symbol": best["symbol"] if best else min(row["symbol"] for row in rows),
    }  # fmt: skip


@pytest.mark.parametrize("rows", MARKETS)
def test_sectors_against_plain_grouping(rows: list[Row]) -> None:
    got = breadth.sectors(frame(rows)).to_dicts()
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["sector"] or breadth.UNCLASSIFIED, []).append(row)
    expected = [plain_sector(name, held) for name, held in groups.items()]
    expected.sort(key=lambda s: (s["sector"] == breadth.UNCLASSIFIED, -s["turnover"], s["sector"]))
    assert [row["sector"] for row in got] == [row["sector"] for row in expected]
    for mine, plain in zip(got, expected, strict=True):
        assert mine == pytest.approx(plain), plain["sector"]


def test_a_sector_without_known_changes() -> None:
    row = {
        "symbol": "A", "sector": "Power", "close": 1.0, "change": None, "change_pct": None,
        "turnover": None,
    }  # fmt: skip
    got = breadth.sectors(frame([row])).row(0, named=True)
    assert (got["symbols"], got["advances"], got["declines"]) == (1, 0, 0)
    assert got["mean_change_pct"] is got["weighted_change_pct"] is None


def test_sectors_of_nothing() -> None:
    assert breadth.sectors(frame([])).height == 0
