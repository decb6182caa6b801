"""Adapters for market data. Found by file name, see `registry.py`."""
