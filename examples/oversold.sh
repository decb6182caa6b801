#!/usr/bin/env bash
# Once an hour while the market is open: which liquid shares are oversold above their long average?
#
#   5 10-15 * * 1-5  TZ=Asia/Kolkata  /path/to/oversold.sh
#
# Exit codes are alphastock's own: 0 found (or market closed), 3 nothing found, 8 data too old.
set -euo pipefail

alphastock scan equities "$@" \
    --where "rsi < 35 and close > sma_200" \
    --sort turnover:desc --top 20 --fail-empty --json |
    python3 -c '
import json, sys
scan = json.load(sys.stdin)
for row in scan["data"]:
    print(row["symbol"], row["close"], round(row["rsi"], 1), sep="\t")
'
