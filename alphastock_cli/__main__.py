"""`python -m alphastock_cli` is the same as `alphastock`."""

from alphastock_cli.cli.app import entry

entry()
