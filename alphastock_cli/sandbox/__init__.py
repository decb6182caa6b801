"""A local exchange that speaks Kite Connect's protocols, on loopback only.

Nothing of it is imported by any other command.
"""
