"""One request: whose certificate is believed, what is not followed, what ends it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from alphastock_cli.errors import ProviderError
from alphastock_cli.providers.nse.download import Downloader
from alphastock_cli.providers.nse.transport import NoAnswerError, Trouble, WebTransport
from tests.conftest import ManualClock
from tests.unit import archive_host as host_of


def get(url: str, *, seconds: float = 5.0, most: int = 1 << 20) -> tuple[int, bytes]:
    parts: list[bytes] = []
    answer = WebTransport().get(url, {}, seconds=seconds, most=most, sink=parts.append)
    return answer.status, b"".join(parts)


def test_a_body_arrives_whole_by_length_and_by_chunks() -> None:
    body = bytes(range(256)) * 1000
    with host_of.running() as host:
        host.on("/length", host_of.good(body))
        host.on("/chunks", host_of.chunked(body))
        assert get(f"{host.base}/length") == (200, body)
        assert get(f"{host.base}/chunks") == (200, body)


def test_only_the_body_of_a_file_is_read_and_no_redirect_followed() -> None:
    with host_of.running() as host:
        host.on("/a", host_of.status(302, Location="/b"))
        assert get(f"{host.base}/a") == (302, b"")
        assert get(f"{host.base}/none") == (404, b"")
        assert host.asked == ["/a", "/none"]


def test_a_proxy_of_the_environment_does_not_stand_before_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with host_of.running() as host:
        host.on("/a", host_of.good(b"x"))
        assert get(f"{host.base}/a") == (200, b"x")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x"])
def test_no_scheme_but_http(url: str) -> None:
    with pytest.raises(NoAnswerError) as caught:
        get(url)
    assert caught.value.trouble is Trouble.UNREACHABLE


def test_a_name_nobody_knows() -> None:
    with pytest.raises(NoAnswerError) as caught:
        get("http://no-such-host.invalid/")
    assert caught.value.trouble is Trouble.UNREACHABLE


def test_the_cap_counts_exactly() -> None:
    with host_of.running() as host:
        host.on("/a", host_of.chunked(b"x" * 1000))
        assert get(f"{host.base}/a", most=1000) == (200, b"x" * 1000)
        with pytest.raises(NoAnswerError) as caught:
            get(f"{host.base}/a", most=999)
        assert caught.value.trouble is Trouble.TOO_LARGE


def test_no_thread_stays_behind() -> None:
    before = threading.active_count()
    with host_of.running() as host:
        host.on("/a", host_of.good(b"x"))
        for _ in range(5):
            get(f"{host.base}/a", seconds=60)
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(0.02)
    assert threading.active_count() <= before


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a certificate, with its key, that no authority has signed."""
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "own.pem"
    subprocess.run(
        [tool, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(path), "-out", str(path.with_suffix(".crt"))],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


def test_a_certificate_nobody_signed_ends_it_without_a_second_try(
    certificate: Path, clock: ManualClock, tmp_path: Path
) -> None:
    from datetime import date

    with host_of.running() as host:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        host.socket = context.wrap_socket(host.socket, server_side=True)
        base = host.base.replace("http:", "https:")
        archive = Downloader(tmp_path / "cache", clock, WebTransport(),
                             bases={"NSE": base, "BSE": base})  # fmt: skip
        (wanted,) = archive.plan(["indices"], date(2026, 8, 13), date(2026, 8, 13)).wanted
        with pytest.raises(ProviderError, match="its certificate cannot be verified") as caught:
            archive.fetch(wanted)
        assert "Verification cannot be switched off" in caught.value.hint
        assert archive.requests == 1
        assert host.asked == [], "not a byte of the request was sent"
    assert [p for p in (tmp_path / "cache").rglob("*") if p.is_file()] == []


def test_a_certificate_that_is_signed_is_believed(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    with host_of.running() as host:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        host.socket = context.wrap_socket(host.socket, server_side=True)
        host.on("/a", host_of.good(b"x" * 100_000))
        host.on("/slow", host_of.drip(b"x" * 1000))
        base = host.base.replace("http:", "https:")
        assert get(f"{base}/a") == (200, b"x" * 100_000)
        began = time.monotonic()
        with pytest.raises(NoAnswerError) as caught:
            get(f"{base}/slow", seconds=0.3)
        assert caught.value.trouble is Trouble.TIMEOUT, "also of an encrypted connection"
        assert time.monotonic() - began < 2.3
