"""Connections of `requests` that can be cut by a deadline over the whole call.

`requests` is imported when the first connection opens, never before.
"""

from __future__ import annotations

import logging
import socket
import threading
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Self

from alphastock_cli import deadlines

_here = threading.local()


class Watch(deadlines.Watch):
    """Cuts the connection of this thread's call: `requests` does not say which one it uses."""

    def __enter__(self) -> Self:
        _here.watch = self
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        _here.watch = None
        super().__exit__(*error)


def open_session() -> Any:  # noqa: ANN401 - a session of requests
    """Return a session that keeps connections, no cookies and no netrc, and repeats nothing."""
    import requests
    from requests.adapters import HTTPAdapter
    from requests.utils import get_environ_proxies
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.connection import HTTPConnection, HTTPSConnection

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            _hold(self.sock)

        def request(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - passed on
            _hold(self.sock)
            super().request(*args, **more)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            _hold(self.sock)

        def request(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - passed on
            _hold(self.sock)
            super().request(*args, **more)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - passed on
            super().init_poolmanager(*args, **more)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

        def proxy_manager_for(self, *args: Any, **more: Any) -> Any:  # noqa: ANN401 - passed on
            manager = super().proxy_manager_for(*args, **more)
            manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
            return manager

    for name in ("urllib3", "requests", "kiteconnect"):  # at DEBUG they print headers
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
    session = requests.Session()
    session.trust_env = False  # a netrc would replace the login; proxies are taken by hand
    session.proxies = get_environ_proxies("https://api.kite.trade", no_proxy=None)
    session.proxies.pop("http", None)  # plain http is for this machine alone
    session.proxies.pop("all", None)
    session.headers["Accept-Encoding"] = "gzip"  # what is unpacked here
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        session.mount(scheme, Adapter(max_retries=0))
    return session


def _hold(connection: socket.socket | None) -> None:
    watch = getattr(_here, "watch", None)
    if watch is not None:
        watch.hold(connection)
