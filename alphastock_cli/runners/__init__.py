"""One per asset class: fetch, then enrich. Found by file name, see `registry.py`."""
