"""A deadline over a whole call: a socket's own time-out begins anew with each byte.

Who opens the connection hands it over as soon as it stands; what to do with a call that was cut is
the caller's business. Standard library only, no request is made here.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self


class Watch:
    """Cuts the connection it holds when time is up; a context manager, for one call.

    Parameters
    ----------
    seconds : float
        For everything together, counted from the beginning of the ``with`` block.

    Attributes
    ----------
    rang : bool
        Whether the time is up. What a connection ended with may be due to that alone, also where
        it looks like a whole answer: ask before believing it.

    Examples
    --------
    >>> ours, theirs = socket.socketpair()
    >>> with Watch(0.01) as watch:
    ...     watch.hold(ours)
    ...     ours.recv(1), watch.rang
    (b'', True)
    >>> ours.close(), theirs.close()
    (None, None)
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.rang = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def hold(self, connection: socket.socket | None) -> None:
        """Take the connection to be cut: at once where the time is up already."""
        with self._lock:
            self._socket = connection
            if self.rang:
                self._cut()

    def check(self) -> None:
        """Refuse an answer that ended only because its connection was cut.

        Raises
        ------
        TimeoutError
            The time is up.
        """
        if self.rang:
            raise TimeoutError

    def _ring(self) -> None:
        with self._lock:
            self.rang = True
            self._cut()

    def _cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # of the plain class: a TLS socket would first tear down what another thread reads
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
