"""One file of the lake: written whole, checked when read, never half.

Which files there are and which rows go where is the business of `lake.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl

from alphastock_cli.domain.frames import DATASETS
from alphastock_cli.errors import DamagedData, StorageError
from alphastock_cli.store import atomic
from alphastock_cli.store.layout import TILED, VERSION
from alphastock_cli.store.tiles import PAGE_BYTES, ROW_GROUP, tiled

_SOUND: set[tuple[Path, str, int, int, int]] = set()
_MOST_SOUND = 10_000
_PACKED = 3  # a row in memory takes more than that many times its bytes on the disk
_OS_CODE = re.compile(r"\(os error (\d+)\)")


class NewerData(DamagedData):
    """A file of a schema this program does not know yet: whole, so never to be set aside."""


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, that only their owner may enter."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        for path in reversed(missing):
            path.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)  # a file of that name is refused here
    except OSError as error:
        raise atomic.storage_error(folder, error) from error


def write_parquet(
    path: Path,
    frame: pl.DataFrame,
    dataset: str,
    *,
    inspect: Callable[[Path], None] = lambda _: None,
    free: Callable[[Path], int | None] = atomic.free_bytes,
) -> None:
    """Write one file of the lake: statistics, schema version inside, read back.

    The rows of `frame` are sorted by their key; a dataset kept in tiles is stored in their order.
    `inspect` sees the finished file before it takes its name; `free` says how much room there is.
    """
    facts = {"alphastock.dataset": dataset, "alphastock.version": str(VERSION)}
    rows = tiled(frame) if dataset in TILED else frame

    def fill(temporary: Path) -> None:
        try:
            rows.write_parquet(
                temporary, compression="zstd", compression_level=1, statistics=True,
                row_group_size=ROW_GROUP, data_page_size=PAGE_BYTES, metadata=facts,
            )  # fmt: skip
        except pl.exceptions.PolarsError as error:
            raise _os_error(error) from error

    def verify(temporary: Path) -> None:
        count = pl.scan_parquet(temporary, glob=False).select(pl.len()).collect().item()
        if count != frame.height:
            raise StorageError(
                f"{path}: {count} of {frame.height} rows arrived on the disk",
                safe="The old file is unharmed.",
                hint="Check the disk.",
            )
        inspect(temporary)

    size = int(frame.estimated_size() // _PACKED)
    atomic.replace_with(path, fill, verify=verify, mode=0o600, size=size, free=free)


def check_footer(path: Path, dataset: str) -> None:
    """Refuse a file that is not whole, not of this dataset, or of a newer schema.

    A file found sound is not opened again until it is another one.
    """
    try:
        held = path.stat()
        seen = (path, dataset, held.st_ino, held.st_mtime_ns, held.st_size)
        if seen in _SOUND:
            return
        facts = pl.read_parquet_metadata(path)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise damaged(path, str(error)) from error
    if facts.get("alphastock.dataset") != dataset:
        raise damaged(path, f"it is not a file of {dataset}")
    version = facts.get("alphastock.version", "")
    if version.isdigit() and int(version) > VERSION:
        raise NewerData(
            f"{path} was written by a newer alphastock"
            f" (schema version {version}, this one knows {VERSION})",
            safe="The file is unharmed.",
            hint="Use the version of alphastock that wrote it.",
        )
    if version != str(VERSION):
        raise damaged(path, f"its schema version is {version or 'unknown'}, not {VERSION}")
    if len(_SOUND) >= _MOST_SOUND:
        _SOUND.clear()
    _SOUND.add(seen)


def read_whole(path: Path, dataset: str) -> pl.DataFrame:
    """Read every row of a file and check it against the schema.

    Raises
    ------
    DamagedData
        It cannot be read, or is not what it should be.
    """
    check_footer(path, dataset)
    try:
        frame = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise damaged(path, str(error)) from error
    if list(frame.schema.items()) != list(DATASETS[dataset].items()):
        raise damaged(path, "its columns are not those of the dataset")
    return frame


def damaged(path: Path, why: str) -> DamagedData:
    """Return the error for a file that cannot be used."""
    return DamagedData(
        f"{path} is damaged: {why.splitlines()[0] if why else 'unreadable'}",
        safe="The other files of the lake are unharmed.",
        hint="Run `alphastock lake repair`: it sets the file aside and says what to load again.",
    )


def _os_error(error: pl.exceptions.PolarsError) -> OSError:
    """Return the system's own error where Polars wrapped one: the disk is full."""
    found = _OS_CODE.search(str(error))
    return OSError(str(error)) if found is None else OSError(int(found[1]), str(error))
