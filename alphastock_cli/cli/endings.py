"""How a command ends that is asked to from outside: politely, as with Ctrl-C.

No printing, and nothing about what is saved then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ends_politely() -> Iterator[None]:
    """Let SIGTERM and SIGHUP take the way of Ctrl-C within a block: what it has is saved.

    A second one is ignored, so that a closed terminal, which sends both, does not interrupt the
    saving; Ctrl-C does. What the process was told to ignore (``nohup``) it goes on ignoring.
    """
    import signal

    names = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {each: signal.getsignal(each) for each in names}
    mine = [each for each in names if before[each] is not signal.SIG_IGN]

    def end(*_: object) -> None:
        for each in mine:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in mine:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each in mine:
            signal.signal(each, before[each])
