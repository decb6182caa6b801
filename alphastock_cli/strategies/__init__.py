"""One idea each: a snapshot in, a signal or nothing out. Found by file name, see `registry.py`."""
