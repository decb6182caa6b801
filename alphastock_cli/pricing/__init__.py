"""Option mathematics: pure functions on numpy arrays; no clock, no disk, no market."""
