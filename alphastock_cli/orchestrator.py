"""The straight way, from market data to a fill in the ledger, on one screen."""
