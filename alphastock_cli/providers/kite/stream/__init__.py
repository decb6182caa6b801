"""Kite's ticker: packets, one connection, three connections, and a synchronous face of them."""
