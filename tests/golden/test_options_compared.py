"""Every figure of docs/options-compared.md is computed again from the files and found on the page.

``REGENERATE=1`` writes the tables into the page instead; the sentences between them are a person's.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.cli.app import main
from tests.golden import chain_comparison as made
from tests.golden import comparison_site as site
from tests.golden import comparison_tables as nifty
from tests.golden.chain_comparison import Both

PAGE = Path(__file__).parents[2] / "docs" / "options-compared.md"


TABLES: dict[str, Callable[[Both], str]] = {
    "nifty-rows": nifty.nifty_rows, "nifty-vol": nifty.nifty_vol,
    "nifty-sides": nifty.nifty_sides, "nifty-search": nifty.nifty_search,
    "nifty-remains": nifty.nifty_remains, "nifty-greeks": nifty.nifty_greeks,
    "nifty-greeks-all": nifty.nifty_greeks_all, "nifty-greeks-search": nifty.nifty_greeks_search,
    "site-rows": site.site_rows, "site-vol": site.site_vol, "site-sides": site.site_sides,
    "site-search": site.site_search, "site-remains": site.site_remains,
}  # fmt: skip


@pytest.fixture(scope="module")
def both(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = shared_data / "options"
    if not all((folder / name).is_file() for name in (made.NIFTY, made.SITE)):
        pytest.skip("the chains compared are not there")
    scratch = tmp_path_factory.mktemp("compared")
    return made.nifty(folder, scratch), made.site(folder, scratch)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_page(name: str, both: Both) -> None:
    text, want = PAGE.read_text(), TABLES[name](both)
    place = re.compile(rf"(<!-- {name} -->\n)(.*?)(\n<!-- end -->)", re.DOTALL)
    assert place.search(text), f"the page has no place for {name}"
    if os.environ.get("REGENERATE"):
        PAGE.write_text(place.sub(lambda found: found[1] + want + found[3], text))
        return
    found = place.search(text)
    assert found is not None
    assert found[2] == want


def test_the_page_has_no_table_that_nobody_computes() -> None:
    names = re.findall(r"<!-- ([a-z-]+) -->\n", PAGE.read_text())
    assert sorted(name for name in names if name != "end") == sorted(TABLES)


# -- by our own commands -------------------------------------------------------------------------


def asked(capfd: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    capfd.readouterr()
    code = main(["greeks", *(str(word) for word in words), "--model", "bsm", "--json"])
    out, err = capfd.readouterr()
    assert code == 0, err
    row: dict[str, Any] = json.loads(out)["data"][0]
    return row


def test_the_command_gives_the_collector_s_greeks_to_the_last_decimal(
    both: Both,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the hour at which contracts end, the time left is whole days, as the collector counts."""
    monkeypatch.setenv("ALPHASTOCK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    rows = both[0].theirs.with_columns(page=made.page_spots(both[0].theirs))
    near = rows.filter(
        pl.col("time") == pl.col("time").min(),
        pl.col("strike") == (pl.col("page") / 50).round() * 50,
    )
    assert near.height == 8
    for row in near.iter_rows(named=True):
        found = asked(
            capfd, "--spot", f"{row['page']:.2f}", "--strike", row["strike"], "--type",
            row["option_type"], "--expiry", row["expiry"], "--vol", f"{row['iv']}%", "--rate",
            "6.5%", "--as-of", "2026-08-19T15:40",
        )  # fmt: skip
        for name, (own, digits) in made.GREEKS.items():
            assert found[own] == pytest.approx(row[name], abs=0.51 * 10.0**-digits), (row, name)


def test_the_command_gives_the_exchange_s_volatilities(
    both: Both,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALPHASTOCK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    last_alone = both[1].theirs.filter(pl.col("iv") > 0, pl.col("ask") == 0, pl.col("days") == 57)
    assert last_alone.height == 3
    for row in last_alone.iter_rows(named=True):
        found = asked(
            capfd, "--spot", row["spot"], "--strike", row["strike"], "--type", row["option_type"],
            "--expiry", row["expiry"], "--price", row["ltp"], "--rate", "nse", "--as-of",
            "2023-05-03T15:30",
        )  # fmt: skip
        assert found["iv"] * 100 == pytest.approx(row["iv"], abs=0.0051)
