"""One file a command: parse, wire, act, show."""
