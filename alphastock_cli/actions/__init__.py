"""One use case a command: ports in, a typed result out."""
