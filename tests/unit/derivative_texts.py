"""Small files in the documented forms of derivatives, commodities and rates, written by hand."""

from __future__ import annotations

UDIFF_HEADER = (
    "TradDt,BizDt,Sgmt,Src,FinInstrmTp,FinInstrmId,ISIN,TckrSymb,SctySrs,XpryDt,"
    "FininstrmActlXpryDt,StrkPric,OptnTp,FinInstrmNm,OpnPric,HghPric,LwPric,ClsPric,LastPric,"
    "PrvsClsgPric,UndrlygPric,SttlmPric,OpnIntrst,ChngInOpnIntrst,TtlTradgVol,TtlTrfVal,"
    "TtlNbOfTxsExctd,SsnId,NewBrdLotQty,Rmks,Rsvd1,Rsvd2,Rsvd3,Rsvd4"
)
_EMPTY = dict.fromkeys(UDIFF_HEADER.split(","), "")
_DAY = {"TradDt": "2026-08-13", "BizDt": "2026-08-13", "Sgmt": "FO", "Src": "NSE", "SsnId": "F1"}


def future(symbol: str = "NIFTY", *, lot: int = 75, contracts: int = 100, **changed: str) -> dict[str, str]:  # fmt: skip  # noqa: E501 - one signature
    """Return a traded future: volume in contracts, open interest in units, turnover in rupees."""
    row = _EMPTY | _DAY | {
        "FinInstrmTp": "IDF" if symbol == "NIFTY" else "STF", "TckrSymb": symbol,
        "XpryDt": "2026-08-25", "FininstrmActlXpryDt": "2026-08-25",
        "FinInstrmNm": f"{symbol}26AUGFUT", "OpnPric": "24000.00", "HghPric": "24200.00",
        "LwPric": "23900.00", "ClsPric": "24100.00", "LastPric": "24095.00",
        "SttlmPric": "24101.50", "OpnIntrst": str(lot * 1040), "ChngInOpnIntrst": str(-lot * 20),
        "TtlTradgVol": str(contracts), "TtlTrfVal": f"{24050.0 * lot * contracts:.2f}",
        "NewBrdLotQty": str(lot),
    }  # fmt: skip
    return row | changed


def option(
    strike: int = 24000, kind: str = "CE", *, lot: int = 75, contracts: int = 40, **changed: str
) -> dict[str, str]:
    """Return a traded option of NIFTY: turnover of strike and premium."""
    row = future(lot=lot, contracts=contracts) | {
        "FinInstrmTp": "IDO", "StrkPric": f"{strike}.00", "OptnTp": kind,
        "FinInstrmNm": f"NIFTY26AUG{strike}{kind}", "OpnPric": "200.00", "HghPric": "260.00",
        "LwPric": "180.00", "ClsPric": "240.00", "LastPric": "240.00", "SttlmPric": "240.00",
        "TtlTrfVal": f"{(strike + 220.0) * lot * contracts:.2f}",
    }  # fmt: skip
    return row | changed


UNTRADED = {
    "OpnPric": "0.00", "HghPric": "0.00", "LwPric": "0.00", "ClsPric": "310.50", "LastPric": "0.00",
    "SttlmPric": "295.00", "TtlTradgVol": "0", "TtlTrfVal": "0.00", "OpnIntrst": "0",
    "ChngInOpnIntrst": "0",
}  # fmt: skip


def udiff_fo(*rows: dict[str, str]) -> bytes:
    lines = [UDIFF_HEADER, *(",".join(row.values()) for row in rows), ""]
    return "\n".join(lines).encode()


UDIFF_FO = (
    future(),
    future("ALPHA", lot=1000, contracts=8, OpnPric="124.00", HghPric="126.00", LwPric="123.00",
           ClsPric="125.00", SttlmPric="125.05", TtlTrfVal="1000000.00"),
    future(XpryDt="2026-09-29", FininstrmActlXpryDt="2026-09-29") | UNTRADED,
    option(),
    option(23500, "PE", contracts=3),
    option(30000) | UNTRADED,
)  # fmt: skip


MCX_HEADER = (
    "__type,Date,Symbol,ExpiryDate,Open,High,Low,Close,PreviousClose,Volume,VolumeInThousands,"
    "Value,OpenInterest,DateDisplay,InstrumentName,StrikePrice,OptionType"
)
# 100 rupees a lot for each rupee of the price; newest row first
MCX_ROWS = """\
MCX.BL.Bhavcopy,2026-03-11,GOLD         ,02APR2026,160100.0,161000.0,159900.0,160500.0,160000.0,20,20.000 GRMS ,3209.00,7552,,FUTCOM,0.0,-
MCX.BL.Bhavcopy,2026-03-10,GOLD         ,02APR2026,159000.0,160500.0,158900.0,160000.0,158000.0,10,10.000 GRMS ,1597.50,7550,,FUTCOM,0.0,-
MCX.BL.Bhavcopy,2026-03-09,GOLD         ,02APR2026,0.0,0.0,0.0,158000.0,157000.0,0,0.000 GRMS ,0.00,7549,,FUTCOM,0.0,-
""".splitlines()  # noqa: E501 - lines of a file


def mcx(*rows: str) -> bytes:
    return "\n".join([MCX_HEADER, *(rows or MCX_ROWS), ""]).encode()


REPORT_HEADER = (
    "CONTRACT_D,PREVIOUS_S,OPEN_PRICE,HIGH_PRICE,LOW_PRICE,CLOSE_PRIC,SETTLEMENT,NET_CHANGE,"
    "OI_NO_CON,TRADED_QUA,TRD_NO_CON,TRADED_VAL"
)
REPORT_ROWS = """\
FUTSTKALPHA26-SEP-2024,100.0,101.0,104.0,99.0,103.0,103.05,3.05,28.0,1650.0,11.0,167475.0
FUTSTKB&B-AUTO29-AUG-2024,50.0,50.0,51.0,49.0,50.5,50.5,1.0,4.0,4000.0,2.0,200000.0
FUTIDXNIFTYNXT5026-JUL-2024,70000,70000,71000,69000,70500,70500,0.7,10,20,2,1400000
FUTSTKALPHA31-OCT-2024,100.0,0.0,0.0,0.0,,104.0,4.0,7.0,0.0,0.0,0.0
FUTSTKGAMMA26-SEP-2024,9.0,0.0,0.0,0.0,,9.5,5.5,0.0,0.0,0.0,0.0
""".splitlines()


def report(*rows: str) -> bytes:
    return "\n".join([REPORT_HEADER, *(rows or REPORT_ROWS), ""]).encode()


USD_INR = """\
\ufeff"Date","Price","Open","High","Low","Change %"
"Dec 17, 2018","71.590","71.920","71.921","71.497","-0.46%"
"Dec 16, 2018","71.920","71.920","71.920","71.920","0.00%"
""".encode()

GOLDM = (
    b"Date\tClose\tOpen\tHigh\tLow\tVolume\tChg%\n"
    b"Apr 16, 2021\t47,022\t46,808\t47,097\t46,511\t23.54K\t0.30%\n"
    b"Apr 15, 2021\t46,881\t46,370\t46,973\t46,370\t21.62K\t1.22%\n"
)
