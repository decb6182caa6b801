"""Is this machine ready: configuration, folders, lake, calendar, versions, clock, disk, terminal.

Read-only: nothing is created, no network is used. Safe to paste: no secret is looked at and the
home folder is written ``~``.
"""

from __future__ import annotations

import locale
import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError, OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.lock import holder

if TYPE_CHECKING:
    from alphastock_cli.config import Settings

_MIB = 1 << 20
_LOW_DISK = 1024 * _MIB
_NO_DISK = 100 * _MIB
_FEW_DAYS = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line: what was looked at, ok, warn or fail, what was seen, and what mends it."""

    name: str
    status: str
    detail: str
    fix: str = ""


def run_checks(settings: Settings, clock: Clock, *, lake: Lake) -> list[Check]:
    """Return every check; ``fail`` stops commands, ``warn`` is worth knowing."""
    return [
        *_versions(),
        *_configuration(settings),
        *_folder(settings.data_dir),
        _disk(settings.data_dir),
        *_lake(lake, clock),
        _calendar(clock),
        _clock(clock),
        _terminal(),
    ]


def _versions() -> Iterator[Check]:
    python = platform.python_version()
    yield Check(name="python", status="ok", detail=f"{python} on {platform.system()}")
    missing = []
    for line in requires("alphastock") or []:
        if "extra ==" in line:
            continue
        name = line.split(";")[0].strip()
        for mark in "<>=!~[ ":
            name = name.split(mark)[0]
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    own = version("alphastock")
    if missing:
        yield Check(
            name="packages", status="fail", detail=f"missing: {', '.join(missing)}",
            fix="Install alphastock again with pip.",
        )  # fmt: skip
    else:
        shown = ", ".join(f"{name} {version(name)}" for name in ("polars", "numpy", "typer"))
        yield Check(name="packages", status="ok", detail=f"alphastock {own}, {shown}")


def _configuration(settings: Settings) -> Iterator[Check]:
    if not settings.files:
        yield Check(name="configuration", status="ok", detail="none, the defaults are in force")
    for path in settings.files:
        mode = path.stat().st_mode
        if mode & stat.S_IWOTH:
            yield Check(
                name="configuration", status="warn", detail=f"anyone may change {_short(path)}",
                fix=f"chmod o-w {_short(path)}",
            )  # fmt: skip
        else:
            yield Check(name="configuration", status="ok", detail=_short(path))
    for text in settings.warnings:
        yield Check(name="environment", status="warn", detail=text, fix="Rename or unset it.")


def _folder(folder: Path) -> Iterator[Check]:
    name = "data folder"
    if not folder.exists():
        parent = next(p for p in folder.parents if p.exists())
        able = os.access(parent, os.W_OK)
        yield Check(
            name=name, status="ok" if able else "fail",
            detail=f"{_short(folder)} is made by the first load" if able
            else f"{_short(folder)} cannot be made: {_short(parent)} is read-only",
            fix="" if able else "Set ALPHASTOCK_DATA_DIR to a folder of yours.",
        )  # fmt: skip
        return
    if not folder.is_dir():
        yield Check(name=name, status="fail", detail=f"{_short(folder)} is a file",
                    fix="Set ALPHASTOCK_DATA_DIR to a folder.")  # fmt: skip
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Check(name=name, status="fail", detail=f"{_short(folder)} may not be written",
                    fix=f"chmod u+rwx {_short(folder)}")  # fmt: skip
        return
    owner, mode = folder.stat().st_uid, folder.stat().st_mode
    if hasattr(os, "getuid") and owner != os.getuid():
        yield Check(name=name, status="warn", detail=f"{_short(folder)} belongs to another user",
                    fix="Use a folder of your own.")  # fmt: skip
    elif mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield Check(name=name, status="warn", detail=f"others may change {_short(folder)}",
                    fix=f"chmod go-w {_short(folder)}")  # fmt: skip
    else:
        yield Check(name=name, status="ok", detail=_short(folder))


def _disk(folder: Path) -> Check:
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    status = "fail" if free < _NO_DISK else "warn" if free < _LOW_DISK else "ok"
    fix = "" if status == "ok" else "Free some space."
    return Check(name="disk", status=status, detail=f"{free / (1 << 30):,.1f} GiB free", fix=fix)


def _lake(lake: Lake, clock: Clock) -> Iterator[Check]:
    from alphastock_cli.actions.lake_status import status

    writer = holder(lake.lock_path)
    if writer is not None:
        yield Check(name="lock", status="warn", detail=f"process {writer} is writing to the lake",
                    fix="Wait for it, or give --lock-wait 30s.")  # fmt: skip
    try:
        rows = status(lake, clock).records()
    except AlphaStockError as error:
        yield Check(name="lake", status="fail", detail=error.what, fix=error.hint)
        return
    seen = False
    for row in rows:
        seen = True
        where = " ".join(str(part) for part in (row["dataset"], row["exchange"]) if part)
        if row["state"] != "ok":
            yield Check(name="lake", status="fail", detail=f"{where}: {row['state']}",
                        fix="alphastock lake repair")  # fmt: skip
        elif row["last"] is not None:
            detail = f"{where} to {row['last']}, {row['sessions']} sessions, {row['gaps']} missing"
            fix = "alphastock lake gaps" if row["gaps"] else ""
            yield Check(name="lake", status="warn" if fix else "ok", detail=detail, fix=fix)
    if not seen:
        yield Check(name="lake", status="warn", detail="nothing is stored yet",
                    fix="alphastock fetch eod --from-dir FOLDER")  # fmt: skip


def _calendar(clock: Clock) -> Check:
    today = clock.now().date()
    _, last = calendar.reach(calendar.Segment.EQUITY)
    left = (last - today).days
    if left < 0:
        return Check(name="calendar", status="fail", detail=f"ends on {last}, today is {today}",
                     fix="Install a newer alphastock.")  # fmt: skip
    try:
        session = calendar.session(calendar.Segment.EQUITY, today)
    except OutOfRange as error:
        return Check(name="calendar", status="fail", detail=error.what, fix=error.hint)
    kind = "a session" if session else "no session"
    return Check(
        name="calendar", status="warn" if left < _FEW_DAYS else "ok",
        detail=f"today is {kind} of NSE; the tables reach {last} ({left} days)",
        fix="Install a newer alphastock before then." if left < _FEW_DAYS else "",
    )  # fmt: skip


def _clock(clock: Clock) -> Check:
    now = clock.now()
    first, _ = calendar.reach(calendar.Segment.COMMODITY)
    if now.date() < first:
        detail = f"{now:%Y-%m-%d %H:%M} lies before {first}"
        return Check(name="clock", status="fail", detail=detail, fix="Set the machine's clock.")
    detail = f"{now:%Y-%m-%d %H:%M:%S} in India; not compared with a time server"
    return Check(name="clock", status="ok", detail=detail)


def _terminal() -> Check:
    encoding = (sys.stdout.encoding or locale.getpreferredencoding()).lower()
    width = shutil.get_terminal_size().columns
    if "utf" not in encoding:
        return Check(name="terminal", status="warn", detail=f"{encoding}: ₹ and ▲ may not show",
                     fix="export PYTHONUTF8=1")  # fmt: skip
    return Check(name="terminal", status="ok", detail=f"{encoding}, {width} columns")


def _short(path: Path) -> str:
    """Return a path that does not tell who the user is."""
    text, home = str(path), str(Path.home())
    return "~" + text[len(home) :] if home != "/" and text.startswith(home) else text
