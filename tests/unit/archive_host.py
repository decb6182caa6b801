"""A host of end-of-day files on this machine that behaves as the real ones do, good and bad."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from alphastock_cli.domain.eod_archive import Wanted
from alphastock_cli.domain.ports import Clock
from alphastock_cli.providers.nse.download import Downloader
from alphastock_cli.providers.nse.transport import WebTransport
from tests.unit import derivative_texts
from tests.unit import nse_texts as texts

Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Host

    def do_GET(self) -> None:
        self.server.note(self)
        rules = self.server.rules.get(self.path, [status(404)])
        # the last behaviour stays, those before it are used up one by one
        (rules.pop(0) if len(rules) > 1 else rules[0])(self)

    def log_message(self, *_: Any) -> None:
        pass


class Host(ThreadingHTTPServer):
    """What to do by path, and what was asked: path, headers, moment of the clock."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, clock: Any = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.clock = clock
        self.rules: dict[str, list[Behaviour]] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.moments: list[float] = []
        self.sent = 0
        self.stopping = threading.Event()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def on(self, path: str, *behaviours: Behaviour) -> None:
        self.rules[path] = list(behaviours)

    def note(self, handler: Handler) -> None:
        self.asked.append(handler.path)
        self.headers.append({name.lower(): text for name, text in handler.headers.items()})
        self.moments.append(self.clock.monotonic() if self.clock else time.monotonic())

    def handle_error(self, *_: Any) -> None:
        """A client that leaves early is what some tests are about."""


@contextmanager
def running(clock: Any = None) -> Iterator[Host]:
    host = Host(clock)
    thread = threading.Thread(
        target=host.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield host
    finally:
        host.stopping.set()
        host.shutdown()
        host.server_close()
        thread.join(5)


# -- behaviours -------------------------------------------------------------------------------


def good(body: bytes, content_type: str = "application/octet-stream") -> Behaviour:
    def act(handler: Handler) -> None:
        _head(handler, 200, len(body), {"Content-Type": content_type})
        handler.wfile.write(body)

    return act


def status(code: int, **headers: str) -> Behaviour:
    def act(handler: Handler) -> None:
        body = b"<html><body>no</body></html>"
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        _head(handler, code, len(body), {"Content-Type": "text/html", **named})
        handler.wfile.write(body)

    return act


def chunked(body: bytes, *, whole: bool = True) -> Behaviour:
    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        middle = len(body) // 2
        for part in (body[:middle], body[middle:]) if whole else (body[:middle],):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        if whole:
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.close_connection = True

    return act


def half(body: bytes) -> Behaviour:
    """Promise everything, send half of it and hang up."""

    def act(handler: Handler) -> None:
        _head(handler, 200, len(body), {"Content-Type": "text/csv"})
        handler.wfile.write(body[: len(body) // 2])
        handler.close_connection = True

    return act


def reset(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    handler.close_connection = True


def hang(handler: Handler) -> None:
    handler.server.stopping.wait(20)
    handler.close_connection = True


def drip(body: bytes, seconds: float = 0.05) -> Behaviour:
    """A byte at a time: no time-out of a socket ever strikes."""

    def act(handler: Handler) -> None:
        _head(handler, 200, len(body), {"Content-Type": "text/csv"})
        for index in range(len(body)):
            if handler.server.stopping.wait(seconds):
                break
            handler.wfile.write(body[index : index + 1])
            handler.wfile.flush()

    return act


def drip_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.server.stopping.wait(0.05):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def huge(handler: Handler) -> None:
    """Never stop sending, promise nothing."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/csv")
    handler.end_headers()
    block = b"0," * (32 << 10)
    handler.close_connection = True
    while not handler.server.stopping.is_set():
        handler.wfile.write(block)
        handler.server.sent += len(block)


def _head(handler: Handler, code: int, length: int, headers: dict[str, str]) -> None:
    handler.send_response(code)
    for name, text in headers.items():
        handler.send_header(name, text)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


# -- files --------------------------------------------------------------------------------------

HTML = b"<!DOCTYPE html>\n<html><head><title>BSE</title></head><body>No data</body></html>"


def zipped(name: str, text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return packed.getvalue()


def equities(day: date, exchange: str = "NSE") -> str:
    return texts.udiff(exchange).replace("2026-08-13", day.isoformat())


def file_of(kind: str, day: date) -> bytes:
    """Return the right file of a kind and day."""
    if kind == "delivery":
        return texts.SEC.replace("13-Aug-2026", f"{day:%d-%b-%Y}").encode()
    if kind == "indices":
        return texts.IND.replace("13-08-2026", f"{day:%d-%m-%Y}").encode()
    if kind == "equities":
        return zipped(f"BhavCopy_NSE_CM_0_0_0_{day:%Y%m%d}_F_0000.csv", equities(day))
    if kind == "fo" and day >= date(2024, 7, 8):
        rows = derivative_texts.udiff_fo(*derivative_texts.UDIFF_FO).decode()
        name = f"BhavCopy_NSE_FO_0_0_0_{day:%Y%m%d}_F_0000.csv"
        return zipped(name, rows.replace("2026-08-13", day.isoformat()))
    if kind == "fo":
        name = f"fo{day:%d%b%Y}bhav.csv".replace(f"{day:%b}", f"{day:%b}".upper())
        return zipped(name, texts.fo_day(f"{day:%d-%b-%Y}".upper()))
    assert kind == "bse"
    return equities(day, "BSE").encode()


# -- what asks it -------------------------------------------------------------------------------

# of the files of 2026-08-13
PATHS = {
    "fo": "/content/fo/BhavCopy_NSE_FO_0_0_0_20260813_F_0000.csv.zip",
    "equities": "/content/cm/BhavCopy_NSE_CM_0_0_0_20260813_F_0000.csv.zip",
    "delivery": "/products/content/sec_bhavdata_full_13082026.csv",
    "indices": "/content/indices/ind_close_all_13082026.csv",
    "bse": "/download/BhavCopy/Equity/BhavCopy_BSE_CM_0_0_0_20260813_F_0000.CSV",
}


def downloader(host: Host, clock: Clock, folder: Path, **more: Any) -> Downloader:
    """Return an archive at `host` whose lot is always one half."""
    settings = {"jitter": lambda: 0.5, "deadline": 5.0, **more}
    bases = {"NSE": host.base, "BSE": host.base}
    return Downloader(folder / "cache", clock, WebTransport(), bases=bases, **settings)


def one(archive: Downloader, kind: str, day: date = date(2026, 8, 13)) -> Wanted:
    (wanted,) = archive.plan([kind], day, day).wanted
    return wanted


def kept(folder: Path) -> list[str]:
    """Return every file below the cache, temporary ones included."""
    root = folder / "cache"
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
