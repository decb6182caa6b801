"""Instrument masters written by hand in the forms brokers publish."""

from __future__ import annotations

import gzip
from pathlib import Path

HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
    "lot_size,instrument_type,segment,exchange"
)
OTHER_HEADER = (
    "id,Exch,Exchange Segment,Symbol,Token,Instrument Type,Option Type,Strike Price,"
    "Instrument Name,Trading Symbol,Formatted Ins Name,Expiry Date,Lot Size,Tick Size"
)
FUTURE = "101,1,NIFTY26AUGFUT,NIFTY,0.0,2026-08-25,0.0,0.1,65,FUT,NFO-FUT,NFO"
CALL = "102,2,NIFTY26AUG25000CE,NIFTY,0.0,2026-08-25,25000.0,0.05,65,CE,NFO-OPT,NFO"
PUT = "103,3,NIFTY26AUG25000PE,NIFTY,0.0,2026-08-25,25000.0,0.05,65,PE,NFO-OPT,NFO"
SHARE = "104,4,SBIN,STATE BANK OF INDIA,0.0,,0.0,0.05,1,EQ,NSE,NSE"
BOND = "105,5,710TN54-SG,,0.0,,0.0,0.01,100,EQ,NSE,NSE"
INDEX = "106,6,NIFTY 50,NIFTY 50,0.0,,0.0,0.0,0,EQ,INDICES,NSE"
GOLD = "107,7,GOLD26DECFUT,GOLD,0.0,2026-12-04,0.0,1.0,1,FUT,MCX-FUT,MCX"
USD = "108,8,USDINR26SEP90CE,USDINR,0.0,2026-09-28,90.0,0.0025,1,CE,CDS-OPT,CDS"
ROWS = (FUTURE, CALL, PUT, SHARE, BOND, INDEX, GOLD, USD)


def write(folder: Path, *rows: str, name: str = "m.csv", header: str = HEADER) -> Path:
    """Write a master, packed where its name says so."""
    data = "\n".join([header, *rows, ""]).encode()
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def contract(
    number: int,
    *,
    underlying: str = "NIFTY",
    expiry: str = "2026-08-25",
    lot: int = 65,
    tick: float = 0.05,
    exchange: str = "NFO",
    symbol: str = "",
) -> str:
    """Return the row of a call with a strike of 100 times its number."""
    name = symbol or f"{underlying}{expiry.replace('-', '')}{number}CE"
    return (
        f"{number},{number},{name},{underlying},0.0,{expiry},{number * 100}.0,{tick},{lot},CE,"
        f"{exchange}-OPT,{exchange}"
    )
