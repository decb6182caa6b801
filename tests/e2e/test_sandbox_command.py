"""`alphastock sandbox` as a person meets it: started, asked, ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

import requests

from tests.e2e.conftest import Cli


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--host", "0.0.0.0"), "on this machine only"),
        (("--port", "70000"), "not a port"),
        (("--port", "-1"), "not a port"),
        (("--fault", "stal:3s"), "Did you mean stall?"),
        (("--fault", "429:often"), "no chance, no duration and no count"),
        (("--replay", "2026-08-15"), "there was no session"),
        (("--replay", "yesterday"), "which day?"),
        (("--replay", "2026-08-14", "--as-of", "2026-08-13T10:00"), "two days"),
        (("--provider", "kite"), "cannot be fed by it"),
        (("--provider", "nse"), "needs quotes"),
        (("--seed", "-1"), "seed"),
        (("--cash", "-1"), "cash"),
        (("--cash", "nan"), "too much"),
        (("--speed", "inf"), "too much"),
    ],
)
def test_what_cannot_be_is_said_at_once(cli: Cli, words: tuple[str, ...], says: str) -> None:
    done = cli("sandbox", "--port", "0", *words)
    assert done.code in {2, 5}
    assert says in done.err
    assert done.out == ""


def test_every_fault_is_listed(cli: Cli) -> None:
    from alphastock_cli.sandbox.fault_names import FAULTS

    done = cli("sandbox", "--list-faults", "--json")
    assert [row["fault"] for row in done.json["data"]] == list(FAULTS)
    table = cli("sandbox", "--list-faults").out
    assert "order-timeout-but-placed" in table
    assert max(map(len, table.splitlines())) <= 80


def test_every_fault_is_in_the_documents() -> None:
    from alphastock_cli.sandbox.fault_names import FAULTS

    page = (Path(__file__).resolve().parents[2] / "docs" / "sandbox.md").read_text()
    for name, fault in FAULTS.items():
        assert f"| `{name}` |" in page
        assert fault.meaning in page


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_answers_and_ends_at_once(tmp_path: Path, ending: int) -> None:
    words = ["sandbox", "--port", "0", "--replay", "2026-08-14", "--json", "--fault", "500:x1"]
    child = subprocess.Popen(
        [sys.executable, "-m", "alphastock_cli", "--data-dir", str(tmp_path), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert child.stdout is not None
        told = json.loads(child.stdout.readline())
        root = told["ALPHASTOCK_KITE_ROOT"]
        with requests.Session() as session:
            deadline = time.monotonic() + 20
            while True:
                try:
                    session.get(root + "/sandbox/faults", timeout=5)
                    break
                except requests.ConnectionError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            token = session.post(root + "/sandbox/login", timeout=5).json()["data"]["access_token"]
            heads = {"Authorization": f"token {told['ALPHASTOCK_KITE_API_KEY']}:{token}"}
            assert session.get(root + "/user/profile", headers=heads, timeout=5).status_code == 500
            told = session.get(root + "/quote?i=NSE:NIFTY 50", headers=heads, timeout=20).json()
        assert told["data"]["NSE:NIFTY 50"]["timestamp"].startswith("2026-08-14 09:15")
        began = time.monotonic()
        child.send_signal(ending)
        _, err = child.communicate(timeout=10)
        assert time.monotonic() - began < 3
        assert child.returncode == 130
        assert "faults: 500:x1 (seed 0)" in err
        assert "Traceback" not in err
    finally:
        child.kill()
        child.wait()


def test_a_missing_extra_names_its_remedy() -> None:
    probe = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from alphastock_cli.cli.app import main\n"
        "raise SystemExit(main(['sandbox', '--port', '0', '--provider', 'sim']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert 'pip install "alphastock[sandbox]"' in done.stderr
