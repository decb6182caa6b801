"""One name an index, members and sectors only where they are known."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from alphastock_cli.exchange import indices
from alphastock_cli.exchange.tables import read_table


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("nifty50", "NIFTY 50"),
        ("Nifty 50", "NIFTY 50"),
        ("NIFTY", "NIFTY 50"),
        ("  nifty   50 ", "NIFTY 50"),
        ("S&P CNX Nifty", "NIFTY 50"),
        ("BANKNIFTY", "NIFTY BANK"),
        ("Nifty Bank", "NIFTY BANK"),
        ("NIFTY FINANCIAL SERVICES", "NIFTY FIN SERVICE"),
        ("Nifty Midcap Select", "NIFTY MID SELECT"),
        ("NIFTY200 Momentum 30", "NIFTY200MOMENTM30"),
        ("Nifty Top 10 Equal Weight", "NIFTY TOP 10 EW"),
        ("NIFTY500 Multicap 50:25:25", "NIFTY500 MULTICAP"),
        ("Nifty 10 yr Benchmark G-Sec (Clean Price)", "NIFTY GS 10YR CLN"),
        ("Nifty Transportation & Logistics", "NIFTY TRANS LOGIS"),
        ("india vix", "INDIA VIX"),
        ("S&P BSE SENSEX", "SENSEX"),
        ("snsx50", "SENSEX50"),
    ],
)
def test_spellings_of_one_index(word: str, name: str) -> None:
    assert indices.canonical_index(word) == name


def test_a_name_nobody_typed_in_is_tidied() -> None:
    assert indices.canonical_index("  some \t new   index ") == "SOME NEW INDEX"
    assert indices.canonical_index("") == ""


def test_a_canonical_name_is_its_own_and_no_spelling_means_two_indices() -> None:
    for name in indices.index_names():
        assert indices.canonical_index(name) == name
        assert indices.canonical_index(name.lower().replace(" ", "")) == name
    for row in read_table("index_names"):
        for word in (row["alias"], row["derivative"]):
            assert not word or indices.canonical_index(word) == row["index"], row


@pytest.mark.parametrize(
    ("symbol", "index"),
    [("NIFTY", "NIFTY 50"), ("banknifty", "NIFTY BANK"), ("FINNIFTY", "NIFTY FIN SERVICE"),
     ("MIDCPNIFTY", "NIFTY MID SELECT"), ("NIFTYNXT50", "NIFTY NEXT 50"), ("SENSEX", "SENSEX"),
     ("BANKEX", "BANKEX"), ("SENSEX50", "SENSEX50"), ("SBIN", None), ("", None)],
)  # fmt: skip
def test_the_index_behind_a_derivative(symbol: str, index: str | None) -> None:
    assert indices.underlying_index(symbol) == index


def test_members_are_told_only_inside_the_known_span() -> None:
    assert indices.members("NIFTY 50", date(2024, 9, 29)) is None
    assert indices.members("nifty50", date(2024, 9, 30)) is not None
    assert indices.members("NIFTY BANK", date(2025, 12, 31)) is None
    assert indices.members("NIFTY IT", date(2025, 6, 2)) is None
    assert indices.members("NO SUCH INDEX", date(2025, 6, 2)) is None


def test_the_number_of_members_holds_on_every_day() -> None:
    for index, begin, end, count in (
        ("NIFTY 50", date(2024, 9, 30), date(2026, 8, 13), 50),
        ("NIFTY BANK", date(2025, 3, 28), date(2025, 12, 30), 12),
        ("NIFTY BANK", date(2021, 10, 1), date(2022, 3, 30), 12),
        ("NIFTY FIN SERVICE", date(2021, 10, 1), date(2022, 3, 30), 20),
    ):
        for step in range((end - begin).days + 1):
            found = indices.members(index, begin + timedelta(days=step))
            assert found is not None
            assert len(set(found)) == len(found) == count, (index, begin + timedelta(days=step))


def test_a_renamed_member_goes_by_the_name_of_the_day() -> None:
    before, after = (indices.members("NIFTY 50", date(2025, 4, day)) for day in (8, 9))
    assert before is not None
    assert after is not None
    assert set(before) - set(after) == {"ZOMATO"}
    assert set(after) - set(before) == {"ETERNAL"}
    assert indices.members_since("NIFTY 50", date(2025, 4, 10)) == date(2025, 4, 9)


def test_sectors_of_the_members() -> None:
    assert indices.sector("SBIN") == "Financial Services"
    assert indices.sector("INFY") == "Information Technology"
    assert indices.sector("NOSUCH") is None
    for symbol in indices.members("NIFTY 50", date(2026, 8, 13)) or ():
        assert indices.sector(symbol) is not None, symbol


def test_a_sector_is_told_only_from_the_day_it_is_known_to_hold() -> None:
    assert indices.sector("SBIN", date(2026, 8, 13)) == "Financial Services"
    assert indices.sector("SBIN", date(2020, 1, 1)) is None
