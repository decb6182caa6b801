"""Is this machine ready: versions, configuration, folders, disk, lake, calendar, clock, terminal.

Read-only: nothing is created, no network is used. Safe to paste: no secret is looked at and the
home folder is written ``~``. What the packages must be is in `doctor_versions.py`.
"""

from __future__ import annotations

import locale
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from alphastock_cli.actions import doctor_versions
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError, OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.tables import parse_date, read_table
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.lock import holder

if TYPE_CHECKING:
    from alphastock_cli.config import Settings

_MIB = 1 << 20
_LOW_DISK = 1024 * _MIB
_NO_DISK = 100 * _MIB
_FEW_DAYS = 60
# the exchanges publish the holidays of a year in the December before it
_ANNOUNCED = timedelta(days=92)
_INDIA = timedelta(hours=5, minutes=30)
_EQUITY = calendar.Segment.EQUITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line: what was looked at, ok, warn or fail, what was seen, and what mends it."""

    name: str
    status: str
    detail: str
    fix: str = ""


def run_checks(settings: Settings, clock: Clock, *, lake: Lake) -> list[Check]:
    """Return every check; ``fail`` stops commands, ``warn`` is worth knowing."""
    checks = [
        *_versions(),
        *_configuration(settings),
        _folder(settings.data_dir),
        _disk(settings.data_dir),
        *_lake(lake, clock),
        _calendar(clock),
        _clock(clock),
        _terminal(),
    ]
    return [anonymous(check) for check in checks]


def anonymous(check: Check) -> Check:
    """Return a line without the name of the home folder."""
    return replace(check, detail=_anonymous(check.detail), fix=_anonymous(check.fix))


def _versions() -> Iterator[Check]:
    python, wrong = doctor_versions.python()
    yield Check(
        name="python", status="fail" if wrong else "ok", detail=wrong or python,
        fix="Install alphastock with a newer Python." if wrong else "",
    )  # fmt: skip
    held, wrongs = doctor_versions.packages()
    yield Check(
        name="packages", status="fail" if wrongs else "ok",
        detail="; ".join(wrongs) if wrongs else ", ".join(held),
        fix="Install alphastock again with pip." if wrongs else "",
    )  # fmt: skip


def _configuration(settings: Settings) -> Iterator[Check]:
    if not settings.files:
        yield Check(name="configuration", status="ok", detail="none, the defaults are in force")
    for path in settings.files:
        facts = path.stat()
        if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield Check(name="configuration", status="warn", detail=f"others may change {path}",
                        fix=f"chmod go-w {path}")  # fmt: skip
        elif not _mine(facts):
            yield Check(name="configuration", status="warn",
                        detail=f"{path} belongs to another user",
                        fix="Read it before you trust it.")  # fmt: skip
        else:
            yield Check(name="configuration", status="ok", detail=str(path))
    for text in settings.warnings:
        yield Check(name="environment", status="warn", detail=text, fix="Rename or unset it.")


def _folder(folder: Path) -> Check:
    status, detail, fix = "ok", f"{folder}", ""
    if not os.path.lexists(folder):
        parent = _existing(folder)
        detail = f"{folder} is made by the first load"
        if not (parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)):
            status, detail = "fail", f"{folder} cannot be made in {parent}"
            fix = "Set ALPHASTOCK_DATA_DIR to a folder of yours."
    elif not folder.is_dir():
        status, detail = "fail", f"{folder} is no folder"
        fix = "Set ALPHASTOCK_DATA_DIR to a folder."
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        status, detail = "fail", f"{folder} may not be read and written"
        fix = f"chmod u+rwx {folder}"
    elif not _mine(folder.stat()):
        status, detail = "warn", f"{folder} belongs to another user"
        fix = "Use a folder of your own."
    elif folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(folder.stat().st_mode)
        status, detail = "warn", f"{folder} is open to others (mode {mode:04o})"
        fix = f"chmod 700 {folder}"
    return Check(name="data folder", status=status, detail=detail, fix=fix)


def _disk(folder: Path) -> Check:
    try:
        free = shutil.disk_usage(_existing(folder)).free
    except OSError as error:
        return Check(name="disk", status="warn", detail=f"free space unknown: {error.strerror}",
                     fix="Check the folder's permissions.")  # fmt: skip
    status = "fail" if free < _NO_DISK else "warn" if free < _LOW_DISK else "ok"
    fix = "" if status == "ok" else "Free some space."
    return Check(name="disk", status=status, detail=f"{free / (1 << 30):,.1f} GiB free", fix=fix)


def _lake(lake: Lake, clock: Clock) -> Iterator[Check]:
    from alphastock_cli.actions.lake_status import status

    writer = holder(lake.lock_path)
    if writer is not None:
        who = f"process {writer}" if writer else "another process"
        yield Check(name="lock", status="warn", detail=f"{who} is writing to the lake",
                    fix="Wait for it, or give --lock-wait 30s.")  # fmt: skip
    try:
        rows = list(status(lake, clock).records())
    except (AlphaStockError, OSError) as error:
        hint = error.hint if isinstance(error, AlphaStockError) else "Check its permissions."
        yield Check(name="lake", status="fail", detail=str(error), fix=hint)
        return
    for row in rows:
        where = " ".join(str(part) for part in (row["dataset"], row["exchange"]) if part)
        if row["state"] != "ok":
            yield Check(name="lake", status="fail", detail=f"{where}: {row['state']}",
                        fix="alphastock lake repair")  # fmt: skip
        elif row["last"] is None:
            yield Check(name="lake", status="ok", detail=f"{where}: {row['rows']:,} rows")
        else:
            yield _coverage(where, row["last"], row["sessions"], row["gaps"], clock.now())
    if not rows:
        yield Check(name="lake", status="warn", detail="nothing is stored yet",
                    fix="alphastock fetch eod --from-dir FOLDER")  # fmt: skip


def _coverage(where: str, last: date, sessions: int, gaps: int | None, now: datetime) -> Check:
    """Return how far a dataset of sessions reaches, and what is missing in it and after it."""
    detail = f"{where} to {last}, {sessions} sessions"
    if gaps is not None:
        detail += f", {gaps} missing"
    behind = _sessions_over(last, now)
    detail += f", {behind} since" if behind is not None else ", its age is not known"
    if behind:
        return Check(name="lake", status="warn", detail=detail,
                     fix="alphastock fetch eod --from-dir FOLDER")  # fmt: skip
    fix = "alphastock lake gaps" if gaps else ""
    return Check(name="lake", status="warn" if fix else "ok", detail=detail, fix=fix)


def _sessions_over(last: date, now: datetime) -> int | None:
    """Count the sessions after `last` that are over; None where the calendar does not reach."""
    try:
        days = calendar.sessions(_EQUITY, last + timedelta(days=1), now.date())
        if days and days[-1] == now.date():
            today = calendar.session(_EQUITY, now.date())
            ends = None if today is None else today.final_at
            return len(days) - (ends is None or now < ends)
    except OutOfRange:
        return None
    return len(days)


def _calendar(clock: Clock) -> Check:
    today = clock.now().date()
    _, last = calendar.reach(_EQUITY)
    left = (last - today).days
    if left < 0:
        return Check(name="calendar", status="fail", detail=f"ends on {last}, today is {today}",
                     fix="Install a newer alphastock.")  # fmt: skip
    try:
        session = calendar.session(_EQUITY, today)
    except OutOfRange as error:
        return Check(name="calendar", status="fail", detail=error.what, fix=error.hint)
    kind = "a session" if session else "no session"
    few = left < _FEW_DAYS
    return Check(
        name="calendar", status="warn" if few else "ok",
        detail=f"today is {kind} of NSE; the tables reach {last} ({left} days)",
        fix="Install a newer alphastock before then." if few else "",
    )  # fmt: skip


def _clock(clock: Clock) -> Check:
    now = clock.now()
    begins = [parse_date(row["valid_from"]) for row in read_table("coverage")]
    earliest = max(day for day in begins if day is not None) - _ANNOUNCED
    if now.utcoffset() != _INDIA:
        return Check(name="clock", status="fail", detail=f"{now.isoformat()} is not Indian time",
                     fix="Install the time-zone data of the system (tzdata).")  # fmt: skip
    if now.date() < earliest:
        return Check(
            name="clock", status="fail", fix="Set the machine's clock.",
            detail=f"{now:%Y-%m-%d %H:%M} is older than this version's tables ({earliest})",
        )  # fmt: skip
    detail = f"{now:%Y-%m-%d %H:%M:%S} in India; not compared with a time server"
    return Check(name="clock", status="ok", detail=detail)


def _terminal() -> Check:
    encoding = (getattr(sys.stdout, "encoding", "") or locale.getpreferredencoding()).lower()
    width = shutil.get_terminal_size().columns
    if "utf" not in encoding:
        return Check(name="terminal", status="warn", detail=f"{encoding}: ₹ and ▲ may not show",
                     fix="export PYTHONUTF8=1")  # fmt: skip
    return Check(name="terminal", status="ok", detail=f"{encoding}, {width} columns")


def _mine(facts: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or facts.st_uid in {os.getuid(), 0}


def _existing(path: Path) -> Path:
    """Return the nearest folder above `path` that exists, or `path` itself."""
    return next((p for p in (path, *path.parents) if os.path.lexists(p)), Path("/"))


def _anonymous(text: str) -> str:
    """Return `text` with the home folder written ``~``: it names the user."""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    if len(home) <= 1 or home.startswith("~"):
        return text
    parts = text.split(home)
    result = parts[0]
    for part in parts[1:]:
        inside = not part or part[0] in "/\\ ;:,.)'\""
        result += ("~" if inside else home) + part
    return result
