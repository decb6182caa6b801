"""Small end-of-day files in the exchanges' own shapes, invented prices, for whole-way tests."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

HEADER = (
    "SYMBOL, SERIES, DATE1, PREV_CLOSE, OPEN_PRICE, HIGH_PRICE, LOW_PRICE, LAST_PRICE, "
    "CLOSE_PRICE, AVG_PRICE, TTL_TRD_QNTY, TURNOVER_LACS, NO_OF_TRADES, DELIV_QTY, DELIV_PER"
)
DAYS = (date(2026, 8, 12), date(2026, 8, 13), date(2026, 8, 14))

# symbol, series, closes of the three days and the one before, shares, deliverable percent
MARKET = (
    ("SBIN", "EQ", (800.0, 808.0, 804.0, 816.0), 1_000_000, 55.0),
    ("INFY", "EQ", (1500.0, 1485.0, 1500.0, 1470.0), 400_000, 61.5),
    ("M&M", "EQ", (3000.0, 3030.0, 3030.0, 3030.0), 90_000, 70.0),
    ("BAJAJ-AUTO", "BE", (9000.0, 9090.0, 9000.0, 9180.0), 50_000, 100.0),
    ("TINY", "EQ", (10.0, 10.5, 11.0, 12.0), 100, 30.0),
    ("GSEC", "GS", (100.0, 100.1, 100.2, 100.3), 10, None),
)


def rows(index: int) -> list[str]:
    """Return the data lines of one day."""
    lines = []
    for symbol, series, closes, shares, delivered in MARKET:
        before, close = closes[index], closes[index + 1]
        low, high = min(before, close) - 0.5, max(before, close) + 0.5
        turnover = close * shares / 100_000
        parts = [
            symbol, series, f"{DAYS[index]:%d-%b-%Y}", f"{before:.2f}", f"{before:.2f}",
            f"{high:.2f}", f"{low:.2f}", f"{close:.2f}", f"{close:.2f}", f"{close:.2f}",
            str(shares), f"{turnover:.2f}", "100",
            "-" if delivered is None else str(int(shares * delivered / 100)),
            "-" if delivered is None else f"{delivered:.2f}",
        ]  # fmt: skip
        lines.append(", ".join(parts))
    return lines


def write_days(folder: Path, *, zipped: bool = False) -> Path:
    """Write the three days as the exchange publishes them; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        f"sec_bhavdata_full_{day:%d%m%Y}.csv": "\n".join([HEADER, *rows(i)]) + "\n"
        for i, day in enumerate(DAYS)
    }
    if zipped:
        with zipfile.ZipFile(folder / "days.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(name, text)
        return folder
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder
