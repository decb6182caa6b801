"""How a person logs in: the page, the way back to this machine, and the one-time token it brings.

The listener hears this machine alone, answers one address, takes one good answer, and ends when it
was told to, whoever is slow. What the token is exchanged for: `rest.py`.
"""

from __future__ import annotations

import contextlib
import hmac
import re
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from alphastock_cli.deadlines import Watch
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AuthError, ConfigError, UsageError
from alphastock_cli.safety import conceal, redacted, safe_text

PAGE = "https://kite.zerodha.com"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{6,256}")
_MOST = 4096
_POLL = 0.1
_PATIENCE = 4.0
_CROWD = 16  # connections at once; one more cuts the oldest
_LAST = 2.0  # seconds for the page that says how it went
_DENIED = b"<!doctype html><title>alphastock</title><p>Not logged in: the terminal says why.</p>"
_DONE = b"<!doctype html><title>alphastock</title><p>Logged in. You may close this page.</p>"
_HEADERS = (
    ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", "default-src 'none'"),
)  # fmt: skip


def new_state() -> str:
    """Return 128 random bits as text."""
    return secrets.token_hex(16)


def page(api_key: str, state: str, root: str = "") -> str:
    """Return the address of the login page; it names the api key, so it is shown to a person only.

    `state` comes back with the answer.
    """
    words = {"v": "3", "api_key": api_key, "redirect_params": urlencode({"state": state})}
    return f"{root or PAGE}/connect/login?{urlencode(words)}"


def token_of(text: str, state: str) -> str:
    """Return the request token of a pasted address, or of the bare token.

    Raises
    ------
    UsageError
        It holds none, or belongs to another login.
    AuthError
        It says that the login was refused.
    """
    plain = text.strip()
    if _TOKEN.fullmatch(plain):
        conceal(plain)
        return plain
    words = parse_qs(urlsplit(plain).query) if len(plain) <= _MOST else {}
    if words.get("status", ["success"]) != ["success"]:
        raise _refused(words)
    found = words.get("request_token", [])
    if len(found) != 1 or not _TOKEN.fullmatch(found[0]):
        raise UsageError(
            "what was pasted holds no request token",
            hint="Paste the whole address the browser ended at, with request_token in it.",
        )
    conceal(found[0])
    told = words.get("state", [])
    if told and not hmac.compare_digest(told[0].encode(), state.encode()):
        raise UsageError("what was pasted is of another login", hint="Open the page again.")
    return found[0]


class Listener:
    """Waits on this machine for the browser to come back.

    Parameters
    ----------
    redirect_url : str
        As registered with the app: host of this machine, port and path.
    target : str
        The login page; `start` leads there, so that its address need not be printed.
    patience : float
        Seconds for a whole request, its answer included.
    """

    def __init__(
        self,
        redirect_url: str,
        target: str,
        state: str,
        clock: Clock,
        *,
        patience: float = _PATIENCE,
    ) -> None:
        parts = urlsplit(redirect_url)
        port = parts.port or 80
        self.path = parts.path or "/"
        self.target, self.state, self.clock, self.patience = target, state, clock, patience
        self.token = ""
        self.refusal: AuthError | None = None
        self.answered = threading.Event()
        self._one = threading.Lock()
        self.begin = "/" + secrets.token_urlsafe(12)
        self.hosts = {f"{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]")}
        try:
            self._server = _server(parts.hostname or "127.0.0.1", port, self)
        except OSError as error:
            raise ConfigError(
                f"port {port} of this machine cannot be listened on: {error.strerror}",
                hint="Give --paste-url, or register another address and set kite.redirect_url.",
            ) from None
        self.start = f"http://127.0.0.1:{port}{self.begin}"
        if ":" in (parts.hostname or ""):
            self.start = f"http://[::1]:{port}{self.begin}"

    def close(self) -> None:
        """Listen no more."""
        self._server.server_close()

    def wait(self, seconds: float) -> str:
        """Return the request token, once it has come with the right state.

        Raises
        ------
        AuthError
            It has not come in time, or the login page says that there is none.
        """
        end = self.clock.monotonic() + seconds
        try:
            while not (self.token or self.refusal):
                if self.clock.monotonic() >= end:
                    raise AuthError(
                        f"nobody came back from the login page within {seconds:.0f} s",
                        safe="Nothing was stored.",
                        hint="Run `alphastock login` again, or with --paste-url.",
                    )
                self._server.handle_request()
            self.answered.wait(_LAST)
        finally:
            self.close()
        if self.refusal is not None:
            raise self.refusal
        return self.token

    def judge(self, method: str, target: str, host: str) -> tuple[HTTPStatus, str]:
        """Return how a request is answered, and where it leads; a good one brings the token.

        One with the right state that tells of a refusal ends the waiting as well.
        """
        if method != "GET":
            return HTTPStatus.METHOD_NOT_ALLOWED, ""
        if host.lower() not in self.hosts or len(target) > _MOST:
            return HTTPStatus.BAD_REQUEST, ""
        path, _, query = target.partition("?")
        if path == self.begin:
            return HTTPStatus.FOUND, self.target
        if path != self.path:
            return HTTPStatus.NOT_FOUND, ""
        words = parse_qs(query, max_num_fields=20)
        state, found = words.get("state", []), words.get("request_token", [])
        if len(state) != 1 or not hmac.compare_digest(state[0].encode(), self.state.encode()):
            return HTTPStatus.FORBIDDEN, ""
        with self._one:
            if self.token or self.refusal:
                return HTTPStatus.BAD_REQUEST, ""
            if words.get("status", ["success"]) != ["success"]:
                self.refusal = _refused(words)
                return HTTPStatus.UNAUTHORIZED, ""
            if len(found) != 1 or not _TOKEN.fullmatch(found[0]):
                return HTTPStatus.BAD_REQUEST, ""
            conceal(found[0])
            self.token = found[0]
        return HTTPStatus.OK, ""


def _refused(words: dict[str, list[str]]) -> AuthError:
    conceal(*words.get("request_token", []))
    said = safe_text(redacted(" ".join(words.get("message", []))), limit=120)
    return AuthError(
        f"the login page says that the login was refused{f': {said}' if said else ''}",
        safe="Nothing was stored.",
        hint="Run `alphastock login` again, and allow it there; if it stays so, look at the app at"
        " developers.kite.trade.",
    )


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    """Return what answers one request as the listener judges it."""

    class Handler(BaseHTTPRequestHandler):
        timeout = listener.patience
        server_version, sys_version = "alphastock", ""

        def answer(self) -> None:
            host_given = self.headers.get("Host", "")
            try:
                status, leads = listener.judge(self.command, self.path, host_given)
            except ValueError:  # a query of too many fields
                status, leads = HTTPStatus.BAD_REQUEST, ""
            pages = {HTTPStatus.OK: _DONE, HTTPStatus.UNAUTHORIZED: _DENIED}
            body = pages.get(status, f"{status.value}\n".encode())
            self.send_response(status)
            for name, value in (*_HEADERS, *([("Location", leads)] if leads else [])):
                self.send_header(name, value)
            self.send_header("Content-Type", "text/html" if status in pages else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True
            if status in pages:
                listener.answered.set()

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = answer  # noqa: N815 - the names http.server looks for

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the address names the token
            return

    return Handler


def _server(host: str, port: int, listener: Listener) -> ThreadingHTTPServer:
    """Return a server that lets nobody wait for another, and cuts off who is slow."""
    import socket

    held: list[socket.socket] = []  # the oldest first
    lock = threading.Lock()

    class Server(ThreadingHTTPServer):
        timeout = _POLL
        daemon_threads = True
        request_queue_size = 2 * _CROWD
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - of socketserver
            with lock:
                held.append(request)
                late = held.pop(0) if len(held) > _CROWD else None
            if late is not None:
                _cut(late)
            try:
                with Watch(listener.patience) as watch:
                    watch.hold(request)
                    super().process_request_thread(request, client_address)
            finally:
                with lock:
                    if request in held:
                        held.remove(request)

        def server_close(self) -> None:
            super().server_close()
            with lock:
                left, held[:] = list(held), []
            for each in left:
                _cut(each)

        def handle_error(self, *_: Any) -> None:  # noqa: ANN401 - a browser that hung up
            return

    return Server(("::1" if ":" in host else "127.0.0.1", port), _handler(listener))


def _cut(connection: Any) -> None:  # noqa: ANN401 - a socket
    """End a connection another thread reads from."""
    import socket

    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
