"""`make campaign`: the rows of the fault matrix at the size of a release, and a table of counts.

python -m tests.campaign [R-2 W-1 ...] [--seed N] [--scale quick|release]

Ends with 1 where a row is missed, with 130 where it was interrupted; what was done is shown.
"""

from __future__ import annotations

import argparse
import logging
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.campaign import r_rows, w_rows
from tests.campaign.counts import Counts
from tests.conftest import IST

Way = Callable[[int, int], Counts]


@dataclass(frozen=True)
class Row:
    """A row of the matrix: its function, and how often it is repeated."""

    name: str
    way: Way
    repeats: int
    each: int = 1

    @property
    def required(self) -> int:
        return self.repeats * self.each

    @property
    def what(self) -> str:
        return (self.way.__doc__ or "").strip().splitlines()[0].rstrip(".")


@dataclass(frozen=True)
class Done:
    """What became of a row."""

    row: Row
    found: Counts
    seconds: float

    @property
    def reached(self) -> bool:
        return self.found.tried == self.row.required and self.found.failed == 0


def rows(scale: str) -> dict[str, Row]:
    """Return every row in the order of the matrix."""
    found = {}
    for letter, module in (("R", r_rows), ("W", w_rows)):
        sizes: Mapping[Way, int] = module.QUICK if scale == "quick" else module.RELEASE
        for way, repeats in sizes.items():
            name = f"{letter}-{way.__name__[1:]}"
            found[name] = Row(name, way, repeats, getattr(module, "EACH", {}).get(way, 1))
    return found


def main(words: Sequence[str]) -> int:
    asked = _parser().parse_args(words)
    known = rows(asked.scale)
    names = [name.upper() for name in asked.rows] or [*known]
    for name in names:
        if name not in known:
            _parser().error(f"no row {name}; there are {', '.join(known)}")
    logging.getLogger("alphastock_cli").setLevel(logging.CRITICAL)
    _say(
        f"seed {asked.seed}, {asked.scale}, {datetime.now(IST):%Y-%m-%d}, Python"
        f" {platform.python_version()}"
    )
    done: list[Done] = []
    begun, interrupted = time.monotonic(), False
    try:
        for name in names:
            row = known[name]
            _say(f"{row.name:5} {row.required:>9,} × {row.what}")
            at = time.monotonic()
            done.append(Done(row, _found(row, asked.seed), time.monotonic() - at))
            _say(_detail(done[-1]))
    except KeyboardInterrupt:
        interrupted = True
    _say("\n" + "\n".join(table(done)))
    for what, why in r_rows.NOT_PLAYED.items():
        _say(f"not played: {what}: {why}")
    missed = [each.row.name for each in done if not each.reached]
    _say(f"\n{len(done)} of {len(names)} rows in {time.monotonic() - begun:.0f} s;"
          f" missed: {', '.join(missed) or 'none'}; seed {asked.seed}")  # fmt: skip
    return 130 if interrupted else int(bool(missed))


def _found(row: Row, seed: int) -> Counts:
    """Return what a row came to; one that breaks is a row that is missed, the others go on."""
    try:
        return row.way(row.repeats, seed)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        broken = Counts(row.name, seed)
        broken.notes[f"{type(error).__name__}: {error}"[:200]] += 1
        return broken


def table(done: Sequence[Done]) -> list[str]:
    """Return the counts as the table of the documentation."""
    head = ["| row | repetitions | required | reached | seconds | worst figures |",
            "|---|--:|--:|---|--:|---|"]  # fmt: skip
    return head + [
        f"| {each.row.name} | {each.found.tried:,} | {each.row.required:,} good |"
        f" {'yes' if each.reached else 'NO'}: {each.found.good:,} | {each.seconds:.0f} |"
        f" {_worst(each.found)} |"
        for each in done
    ]


def _worst(found: Counts) -> str:
    return "; ".join(f"{name} {value:,.4g}" for name, value in found.worst.items())


def _detail(done: Done) -> str:
    notes = ", ".join(f"{name} {count:,}" for name, count in done.found.notes.most_common(20))
    state = "reached" if done.reached else "MISSED"
    counted = f"{done.found.good:,} of {done.found.tried:,}"
    return f"      {state}: {counted} in {done.seconds:.0f} s ({notes})"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="R-1 to R-12, W-1 to W-10")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", choices=("quick", "release"), default="release")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
