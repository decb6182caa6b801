"""The simulated exchange: one seed, no network, the same answer whatever was asked before."""

from alphastock_cli.providers.sim.exchange import SimExchange

__all__ = ["SimExchange"]
