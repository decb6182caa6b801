"""Small end-of-day files in the documented forms, written by hand: invented companies."""

from __future__ import annotations

SEC_HEADER = (
    "SYMBOL, SERIES, DATE1, PREV_CLOSE, OPEN_PRICE, HIGH_PRICE, LOW_PRICE, LAST_PRICE, "
    "CLOSE_PRICE, AVG_PRICE, TTL_TRD_QNTY, TURNOVER_LACS, NO_OF_TRADES, DELIV_QTY, DELIV_PER"
)
SEC_ROW = "ALPHA, EQ, 13-Aug-2026, 99.00, 100.00, 110.00, 95.00, 104.00, 105.00, 103.50, 2000, 2.07, 40, 500, 25.00"  # noqa: E501 - one line of a file
SEC = f"""{SEC_HEADER}
{SEC_ROW}
BETA, GS, 13-Aug-2026, 50.00, 50.00, 50.00, 50.00, 50.00, 50.00, 50.00, 10, 0.00, 1, -, -
"""

OLD = """\
SYMBOL,SERIES,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE,TOTTRDQTY,TOTTRDVAL,TIMESTAMP,TOTALTRADES,ISIN,
ALPHA,EQ,100,110.5,95,105,104,99,2000,207000.5,03-SEP-2019,40,INE000A01011,
M&M,YT,50,51,49,50,0,48,10,500,03-SEP-2019,2,INE000B01010,
"""

UDIFF_HEADER = (
    "TradDt,BizDt,Sgmt,Src,FinInstrmTp,FinInstrmId,ISIN,TckrSymb,SctySrs,XpryDt,"
    "FininstrmActlXpryDt,StrkPric,OptnTp,FinInstrmNm,OpnPric,HghPric,LwPric,ClsPric,LastPric,"
    "PrvsClsgPric,UndrlygPric,SttlmPric,OpnIntrst,ChngInOpnIntrst,TtlTradgVol,TtlTrfVal,"
    "TtlNbOfTxsExctd,SsnId,NewBrdLotQty,Rmks,Rsvd1,Rsvd2,Rsvd3,Rsvd4"
)


def udiff(source: str = "NSE", segment: str = "CM", series: str = "EQ") -> str:
    return (
        f"{UDIFF_HEADER}\n2026-08-13,2026-08-13,{segment},{source},STK,1,INE000A01011,ALPHA,"
        f"{series},,,,,ALPHA LIMITED,100.00,110.00,95.00,105.00,104.00,99.00,,105.00,,,2000,"
        "207012.50,40,F1,1,,,,,\n"
    )


PD = """\
MKT,SERIES,SYMBOL,SECURITY,PREV_CL_PR,OPEN_PRICE,HIGH_PRICE,LOW_PRICE,CLOSE_PRICE,NET_TRDVAL,NET_TRDQTY,IND_SEC,CORP_IND,TRADES,HI_52_WK,LO_52_WK
Y, , ,Nifty 50,     24000.10,     24010.00,     24100.50,     23900.00,     24050.25,9999999.99,88888,Y, ,777,     26000.00,     22000.00
Y, , ,India VIX,12.5000,12.5000,13.0000,12.0000,12.7525,0,0,Y, ,0,28.9075,8.7200
 , , , , , , , , , , , , , , ,
 , , ,NIFTY 50 Sec, , , , , , , , , , , ,
N,EQ,ALPHA,ALPHA LIM,        99.00,       100.00,       110.00,        95.00,       105.00,      207012.50,2000,Y, ,40,       150.00,        80.00
"""  # noqa: E501 - lines of a file

IND = """\
Index Name,Index Date,Open Index Value,High Index Value,Low Index Value,Closing Index Value,Points Change,Change(%),Volume,Turnover (Rs. Cr.),P/E,P/B,Div Yield
Nifty 50,13-08-2026,24010,24100.5,23900,24050.25,50.15,.21,240000000,21000.5,22.1,3.5,1.2
Nifty Bank,13-08-2026,-,-,-,50000,-100,-.2,-,-,-,-,-
"""  # noqa: E501 - lines of a file

BSE = """\
SC_CODE,SC_NAME,SC_GROUP,SC_TYPE,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE,NO_TRADES,NO_OF_SHRS,NET_TURNOV,TDCLOINDI
500001,ALPHA LTD.  ,A ,Q,100.00,110.00,95.00,105.00,104.00,99.00,40,2000,207012.00,
500003,NEW LTD.    ,XT,Q,10.00,10.00,10.00,10.00,10.00,0.00,1,5,50.00,
"""

BSE_DATED = """\
SC_CODE,SC_NAME,SC_GROUP,SC_TYPE,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE,NO_TRADES,NO_OF_SHRS,NET_TURNOV,TDCLOINDI,ISIN_CODE,TRADING_DATE,FILLER2,FILLER3
500001,ALPHA LTD.  ,A ,Q,100.00,110.00,95.00,105.00,104.00,99.00,40,2000,207012.00,,INE000A01011,03-Jan-23,,
"""  # noqa: E501 - lines of a file


def sec_row(**changed: str) -> str:
    """Return the row of ALPHA with some cells changed."""
    names = [name.strip() for name in SEC_HEADER.split(",")]
    cells = dict(zip(names, (cell.strip() for cell in SEC_ROW.split(",")), strict=True))
    return ", ".join({**cells, **changed}.values())


def sec_file(*rows: str) -> bytes:
    return "\n".join([SEC_HEADER, *rows, ""]).encode()


FO_HEADER = (
    "INSTRUMENT,SYMBOL,EXPIRY_DT,STRIKE_PR,OPTION_TYP,OPEN,HIGH,LOW,CLOSE,SETTLE_PR,CONTRACTS,"
    "VAL_INLAKH,OPEN_INT,CHG_IN_OI,TIMESTAMP"
)
# lots of 75 (NIFTY) and 1,000 (ALPHA): turnover is contracts x lot x (strike + price)
FO_ROWS = """\
FUTIDX,NIFTY,25-Mar-2021,0,XX,15000,15100,14900,15050,15050,100,1125,75000,-1500,18-MAR-2021,
FUTIDX,NIFTY,27-May-2021,0,XX,0,0,0,15200,15120.5,0,0,0,0,18-MAR-2021,
FUTSTK,ALPHA,25-Mar-2021,0,XX,124,126,123,125,125.05,8,10,40000,2000,18-MAR-2021,
OPTIDX,NIFTY,18-Mar-2021,15000,CE,60,80,0.05,50,50,20,225.75,1500,-3000,18-MAR-2021,
OPTIDX,NIFTY,18-Mar-2021,15000,PE,0,0,0,12,0,0,0,75,0,18-MAR-2021,
OPTIDX,NIFTY,25-Mar-2021,15100,PE,0,0,0,310.5,295,0,0,750,0,18-MAR-2021,
OPTIDX,NIFTY,25-Mar-2021,15000,PE,150,190,140,185,185,4,45.48,2250,75,18-MAR-2021,
OPTIDX,NIFTY,25-Mar-2021,15000,CE,200,260,180,240,240,10,114,3000,-750,18-MAR-2021,
OPTIDX,NIFTY,24-Jun-2021,15000,CE,0,0,0,600,611.5,0,0,0,0,18-MAR-2021,
OPTSTK,ALPHA,25-Mar-2021,122.5,PE,2,2.5,1.5,2.2,0,4,4.96,12000,-1000,18-MAR-2021,
OPTSTK,ALPHA,25-Mar-2021,125,CE,0,0,0,0,1.75,0,0,0,0,18-MAR-2021,
"""
FO = f"{FO_HEADER},\n{FO_ROWS}"


def fo_row(**changed: str) -> str:
    """Return the row of the NIFTY 15000 call of 25 March with some cells changed."""
    names = FO_HEADER.split(",")
    line = FO_ROWS.splitlines()[7].rstrip(",")
    return ",".join({**dict(zip(names, line.split(","), strict=True)), **changed}.values()) + ","


def fo_file(*rows: str) -> bytes:
    return "\n".join([f"{FO_HEADER},", *rows, ""]).encode()


def fo_day(day: str) -> str:
    """Return the whole file as of another day, e.g. ``17-MAR-2021``."""
    return FO.replace("18-MAR-2021", day)
