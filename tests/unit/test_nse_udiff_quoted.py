"""Rows of futures and options as NSE and BSE printed them: what they count there.

Facts of single contracts out of NSE's files of 2024-01-01, 2026-09-01 and 2026-09-18 and BSE's of
2026-04-30, as public repositories quote them in tests and notes; a whole file was not at hand.
"""

from __future__ import annotations

import pytest

from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.providers.nse.source import read_file
from tests.unit import derivative_texts as texts

COLUMNS = (
    "TradDt FinInstrmTp TckrSymb XpryDt StrkPric OptnTp OpnPric HghPric LwPric ClsPric LastPric "
    "UndrlygPric SttlmPric OpnIntrst ChngInOpnIntrst TtlTradgVol TtlTrfVal NewBrdLotQty"
)
NSE = """\
2026-09-01 IDF NIFTY 2026-09-29 - - 24200.00 24296.10 24064.00 24090.30 24081.00 24055.80 24090.30 16051815 323310 57171 89746405775.00 65
2026-09-01 IDF NIFTY 2026-11-23 - - 24447.70 24514.80 24287.60 24312.80 24314.10 24055.80 24312.80 334100 52845 2193 3472863361.50 65
2026-09-01 IDO NIFTY 2026-09-15 23500.00 PE 27.40 45.10 20.10 39.40 39.45 24055.80 39.40 1498965 638300 35894 54903977888.50 65
"""  # noqa: E501 - lines of a file
NSE_SHARES = """\
2026-09-18 IDF BANKNIFTY 2026-11-23 - - 56950.80 57236.20 56884.80 57105.20 57077.80 56358.70 57105.20 60990 6990 512 876380784.00 30
2026-09-18 STF ABCAPITAL 2026-09-29 - - 393.50 405.30 390.85 403.80 404.50 410.04 403.80 36161500 -750200 3343 4158743930.00 3100
2026-09-18 STF ABCAPITAL 2026-10-27 - - 395.40 406.95 395.40 405.55 406.10 410.04 405.55 1646100 124000 295 368254735.00 3100
2026-09-18 STO ABCAPITAL 2026-09-29 480.00 PE 0.00 0.00 0.00 64.00 64.00 410.04 69.24 6200 0 0 0.00 3100
"""  # noqa: E501 - lines of a file
NSE_2024 = """\
2024-01-01 IDO NIFTY 2024-02-29 21400.00 CE 839.00 955.00 836.10 882.85 836.10 21741.90 882.85 20450 -650 160 178251222.50 50
2024-01-01 IDO NIFTY 2024-03-28 21400.00 PE 350.80 350.80 302.15 322.15 338.30 21741.90 322.15 1400 -100 33 35829902.50 50
"""  # noqa: E501 - lines of a file
BSE = """\
2026-04-30 IDO SENSEX 2026-06-25 78000.00 CE 1500.00 1982.60 1500.00 1969.30 1963.40 76913.50 1969.30 2320 1860 2940 234310908.00 20
2026-04-30 IDO SENSEX 2026-04-30 75200.00 CE 1545.00 2082.50 916.00 76913.50 1710.10 76913.50 76913.50 2340 220 44500 3404461699.00 20
2026-04-30 IDO BANKEX 2026-04-30 62400.00 CE 199.30 199.30 0.05 61706.88 0.05 61706.88 61706.88 30990 17310 2059860 128553277747.50 30
"""  # noqa: E501 - lines of a file


def rows_of(text: str, source: str) -> list[dict[str, str]]:
    rows = []
    for line in text.splitlines():
        words = ["" if word == "-" else word for word in line.split()]
        cells = dict(zip(COLUMNS.split(), words, strict=True))
        rows.append(
            texts.future() | cells | {"Src": source, "FininstrmActlXpryDt": cells["XpryDt"]}
        )
    return rows


def read(rows: list[dict[str, str]]) -> EodBatch:
    batch = read_file("x.csv", texts.udiff_fo(*rows))
    assert batch.rejects is not None
    assert batch.rejects.is_empty(), batch.rejects["reason"].to_list()
    return batch


@pytest.mark.parametrize(("text", "traded"), [(NSE, 3), (NSE_SHARES, 3), (NSE_2024, 2)])
def test_nse_counts_contracts_and_notional_value(text: str, traded: int) -> None:
    printed = rows_of(text, "NSE")
    batch = read(printed)
    volume, interest = batch.notes  # no third one: the turnover holds the strike
    assert volume.startswith(f"TtlTradgVol counts contracts: {traded} of {traded} rows say so")
    assert interest.startswith("OpnIntrst counts units: ")
    rows = [row for frame in batch.frames.values() for row in frame.iter_rows(named=True)]
    for name, column in (("contracts", "TtlTradgVol"), ("open_interest", "OpnIntrst"),
                         ("oi_change", "ChngInOpnIntrst"), ("turnover", "TtlTrfVal")):  # fmt: skip
        assert sorted(row[name] for row in rows) == sorted(float(row[column]) for row in printed)


def test_bse_counts_units_and_closes_the_last_day_with_the_underlying() -> None:
    rows = rows_of(BSE, "BSE")
    batch = read(rows)
    assert batch.form == "bse_udiff_fo"
    assert batch.notes == (
        "TtlTradgVol counts units: 3 of 3 rows say so",
        "OpnIntrst counts units: 3 of 3 are multiples of NewBrdLotQty",
        "ClsPric of options is their underlying's: 2 rows, LastPric is kept",
    )
    options = batch.frames["options_day"]
    assert options.select("symbol", "contracts", "close", "settlement", "turnover").rows() == [
        ("SENSEX", 147, 1969.3, 1969.3, 234_310_908.0),
        ("SENSEX", 2225, 1710.1, None, 3_404_461_699.0),
        ("BANKEX", 68_662, 0.05, None, 128_553_277_747.5),
    ]
    idle = [row | {"TtlTradgVol": "0", "TtlTrfVal": "0"} for row in rows]
    assert read(idle).frames["options_day"]["close"].to_list() == [1969.3, None, None]
