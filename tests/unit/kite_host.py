"""A host on this machine that answers as it is told: the ways in which a server goes wrong."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alphastock_cli.providers.kite.budget import Budget
from alphastock_cli.providers.kite.credentials import Credentials
from alphastock_cli.providers.kite.facts import Limit
from alphastock_cli.providers.kite.notes import Notes
from alphastock_cli.providers.kite.rest import KiteRest
from alphastock_cli.providers.kite.session import Session, SessionStore, fingerprint
from tests.conftest import IST, ManualClock

KEY, SECRET, TOKEN = "canarykey111", "canarysecret222", "canaryaccess333"
NOW = datetime(2026, 11, 20, 11, 0, tzinfo=IST)
FREE = {name: (Limit(1000, 1.0),) for name in ("quote", "historical", "other", "orders")}
PROFILE = {"user_id": "AB1234", "exchanges": ["NSE"]}

Answer = Callable[[socket.socket], None]


class Host:
    """Serves one connection after the other; `answers` are used up, the last one stays."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.heads: list[str] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.root = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                held, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(held,), daemon=True).start()

    def _talk(self, held: socket.socket) -> None:
        with held:
            while head := _head(held):
                self.heads.append(head)
                try:
                    self.answer(head)(held)
                except OSError:
                    return

    def answer(self, _: str) -> Answer:
        """Return what is done about a request, by its head."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def close(self) -> None:
        # a thread inside accept() holds the port until it is woken
        with socket.create_connection(self._socket.getsockname()):
            self._socket.close()


def _head(held: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            more = held.recv(65536)
        except OSError:
            return ""
        if not more:
            return ""
        data += more
    return data.decode(errors="replace")


def raw(data: bytes, *, close: bool = False) -> Answer:
    def send(held: socket.socket) -> None:
        held.sendall(data)
        if close:
            held.shutdown(socket.SHUT_RDWR)

    return send


def reply(body: object, status: int = 200, kind: str = "application/json", **heads: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in heads.items()]
    return raw("\r\n".join([*lines, "", ""]).encode() + data)


def good(data: object = PROFILE) -> Answer:  # type: ignore[assignment]
    return reply({"status": "success", "data": data})


def bad(status: int, kind: str, message: str = "no", **heads: str) -> Answer:
    return reply({"status": "error", "error_type": kind, "message": message, "data": None},
                 status, **heads)  # fmt: skip


@contextmanager
def hosting(*answers: Answer) -> Iterator[Host]:
    host = Host()
    host.answers = list(answers)
    try:
        yield host
    finally:
        host.close()


def store_login(folder: Path, clock: ManualClock, token: str = TOKEN) -> SessionStore:
    store = SessionStore(folder, clock)
    store.save(
        Session(user_id="AB1234", access_token=token, login_time=clock.now(),
                expires=clock.now() + timedelta(hours=12), app=fingerprint(KEY))
    )  # fmt: skip
    return store


def half() -> float:
    """Return the chance that makes every wait half of the longest."""
    return 0.5


def client(
    folder: Path,
    root: str,
    clock: ManualClock,
    *,
    seconds: float = 10.0,
    chance: Callable[[], float] = half,
) -> KiteRest:
    """Return a client that is logged in, with a budget nobody exhausts."""
    return KiteRest(
        Credentials(KEY, SECRET, "test"), store_login(folder, clock),
        Budget(folder, KEY, clock, windows=FREE), Notes(folder, clock), clock,
        root=root, seconds=seconds, chance=chance,
    )  # fmt: skip


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Return a certificate nobody vouches for and its key; skip where none can be made."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert,
         "-days", "2", "-subj", "/CN=127.0.0.1"], capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl cannot make a certificate here")
    return cert, key


class Uncertified(Host):
    """Speaks TLS with a certificate nobody vouches for."""

    def __init__(self, folder: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*self_signed(folder))
        self.greeted = 0
        super().__init__()

    def _talk(self, held: socket.socket) -> None:
        self.greeted += 1
        try:
            self.context.wrap_socket(held, server_side=True).close()
        except OSError:
            held.close()
