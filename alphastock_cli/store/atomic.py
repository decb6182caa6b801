"""Write a file whole or not at all: temporary file beside it, synced, checked, renamed.

Standard library only. What the bytes mean is the caller's business.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from alphastock_cli.errors import StorageError

SUFFIX = ".part"
RESERVE = 64 << 20  # bytes that stay free for whoever writes beside us: a ledger, a log
_SMALL = 1 << 20  # files below are written without asking how much is free: state has to go on
_OURS = re.compile(r"\..+\.[0-9a-f]{16}" + re.escape(SUFFIX))
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}  # some network file systems
_CAUSES = {
    errno.ENOSPC: ("the disk is full", "Free some space and run it again."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space and run it again."),
    errno.EFBIG: ("the file would be larger than this system allows", "Raise the limit."),
    errno.EROFS: ("the file system is read-only", "Choose another folder."),
    errno.EACCES: ("permission denied", "Check the owner and the mode of the folder."),
    errno.EPERM: ("permission denied", "Check the owner and the mode of the folder."),
    errno.ENOENT: ("the folder does not exist", "Create it, or name another."),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Name another folder."),
    errno.EISDIR: ("it is a folder", "Name a file."),
    errno.ELOOP: ("it is a symbolic link that leads nowhere good", "Name the file itself."),
}


def write_bytes(path: Path, data: bytes, *, mode: int | None = None, sync: bool = True) -> None:
    """Write `data` to `path`; the old file stays until the new one is safe on the disk.

    A device or a pipe (``/dev/null``, ``/dev/stdout``) is written into, never replaced.

    Parameters
    ----------
    mode : int, optional
        Permission bits of the new file; None keeps those of the old one, else the umask decides.
    sync : bool
        False where a power failure may take the file: it can be made again, and its reader sees
        a half one.

    Raises
    ------
    StorageError
        The disk said no; the old file is as it was.
    """

    def fill(file: Path) -> None:
        with file.open("wb") as handle:
            handle.write(data)

    if _is_special(path):
        try:
            fill(path)
        except BrokenPipeError:
            raise  # the reader has left: no failure of ours
        except OSError as error:
            raise storage_error(path, error, safe="") from error
        return
    replace_with(path, fill, mode=mode, sync=sync, size=len(data))


def free_bytes(folder: Path) -> int | None:
    """Return the bytes an ordinary user may still write in a folder; None where nobody says."""
    try:
        facts = os.statvfs(folder)
    except OSError:
        return None
    # some network and virtual file systems count nothing at all
    return facts.f_bavail * facts.f_frsize if facts.f_blocks else None


def replace_with(
    path: Path,
    fill: Callable[[Path], None],
    *,
    verify: Callable[[Path], None] | None = None,
    mode: int | None = None,
    sync: bool = True,
    size: int = 0,
    free: Callable[[Path], int | None] = free_bytes,
) -> None:
    """Let `fill` write a temporary file beside `path`, sync it, `verify` it, rename it.

    `fill` is given the path of an empty file that nobody else can have prepared. Whatever either
    of them raises, the temporary file is removed and `path` is untouched.

    Parameters
    ----------
    size : int
        Bytes the file is expected to have; from 1 MB on twice as many and `RESERVE` have to be
        free. 0 where nobody knows.
    free : callable
        Says how many are.

    Raises
    ------
    StorageError
        The disk said no, or has too little room; the old file is as it was.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if size >= _SMALL:
        _refuse_too_little(target, size, free(target.parent))
    short = os.fsdecode(os.fsencode(target.name)[:80])
    temporary = target.with_name(f".{short}.{os.urandom(8).hex()}{SUFFIX}")
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        _create(temporary, target, mode)
        try:
            fill(temporary)
            if sync:
                _sync(temporary)
            if verify is not None:
                verify(temporary)
            temporary.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise storage_error(target, error) from error
    try:
        if sync:
            _sync(target.parent)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            safe = "The new file is in its place, but a power failure now may bring the old back."
            raise storage_error(target, error, safe=safe) from error


def sweep(folder: Path) -> list[Path]:
    """Remove the temporary files of ours that killed runs left in `folder`; return them.

    Only while holding the lock under which all writes to the folder are made: then nobody else
    can be using one.
    """
    gone = []
    for path in sorted(folder.glob(f".*{SUFFIX}")):
        if not _OURS.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError):
            path.unlink()
            gone.append(path)
    return gone


def storage_error(
    path: Path, error: OSError, *, safe: str = "What was there before is unharmed."
) -> StorageError:
    """Say in words why `path` could not be written."""
    code = error.errno or 0
    why, hint = _CAUSES.get(code, (os.strerror(code) if code else str(error), "Check the disk."))
    return StorageError(f"{path} cannot be written: {why}", safe=safe, hint=hint)


def _refuse_too_little(target: Path, size: int, free: int | None) -> None:
    """Refuse to begin a file that would fill the disk: the old one stays, and others can write."""
    needed = 2 * size + RESERVE
    if free is None or free >= needed:
        return
    raise StorageError(
        f"{target} was not written: it needs {_megabytes(needed)} of free space (twice its size of"
        f" about {_megabytes(size)}, and {_megabytes(RESERVE)}), {_megabytes(free)} are free",
        safe="What was there before is unharmed.",
        hint="Free some space and run it again.",
    )


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MB"


def _is_special(path: Path) -> bool:
    """Tell whether something other than a file or a folder is at `path`."""
    try:
        kind = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(kind) or stat.S_ISDIR(kind))


def _create(temporary: Path, target: Path, mode: int | None) -> None:
    """Make the file ourselves: exclusive and without following links."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    os.close(os.open(temporary, flags, 0o666 if mode is None else mode))
    if mode is not None:
        temporary.chmod(mode)  # whatever the umask is
        return
    with contextlib.suppress(FileNotFoundError):
        temporary.chmod(target.stat().st_mode & 0o777)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
