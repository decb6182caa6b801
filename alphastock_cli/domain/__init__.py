"""The nouns of the market: frozen values that check themselves, and the ports. No I/O."""
