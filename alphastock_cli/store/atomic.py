"""Write a file whole or not at all: temporary file beside it, synced, checked, renamed.

Standard library only. What the bytes mean is the caller's business.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from alphastock_cli.errors import StorageError

SUFFIX = ".part"
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


def write_bytes(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write `data` to `path`; the old file stays until the new one is safe on the disk.

    Parameters
    ----------
    mode : int, optional
        Permission bits of the new file; None keeps those of the old one, else the umask decides.

    Raises
    ------
    StorageError
        The disk said no; the old file is as it was.
    """

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(data)

    replace_with(path, fill, mode=mode)


def replace_with(
    path: Path,
    fill: Callable[[Path], None],
    *,
    verify: Callable[[Path], None] | None = None,
    mode: int | None = None,
) -> None:
    """Let `fill` write a temporary file beside `path`, sync it, `verify` it, rename it.

    `fill` is given the path of an empty file that nobody else can have prepared. Whatever either
    of them raises, the temporary file is removed and `path` is untouched.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    temporary = target.with_name(f".{target.name[:80]}.{secrets.token_hex(8)}{SUFFIX}")
    try:
        _create(temporary, target, mode)
        try:
            fill(temporary)
            _sync(temporary)
            if verify is not None:
                verify(temporary)
            temporary.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        _sync(target.parent)
    except OSError as error:
        raise storage_error(target, error) from error


def sweep(folder: Path) -> list[Path]:
    """Remove the temporary files of ours that killed runs left in `folder`; return them.

    Only while holding the lock under which all writes to the folder are made: then nobody else
    can be using one.
    """
    gone = []
    for path in folder.glob(f".*{SUFFIX}"):
        with contextlib.suppress(OSError):
            path.unlink()
            gone.append(path)
    return gone


def storage_error(path: Path, error: OSError) -> StorageError:
    """Say in words why `path` could not be written."""
    code = error.errno or 0
    why, hint = _CAUSES.get(code, (os.strerror(code) if code else str(error), "Check the disk."))
    return StorageError(
        f"{path} cannot be written: {why}", safe="What was there before is unharmed.", hint=hint
    )


def _create(temporary: Path, target: Path, mode: int | None) -> None:
    """Make the file ourselves: exclusive and without following links."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    os.close(os.open(temporary, flags, 0o666 if mode is None else mode))
    if mode is None:
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(target.stat().st_mode & 0o777)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
