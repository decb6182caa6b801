"""What a fetch from the archives planned, asked for, and did not get, counted and put into words.

No asking and no storing here: `fetch_archive.py` fills it in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from alphastock_cli.actions.eod_report import FetchReport
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.eod_archive import Arrival, EodArchive, Outcome, Plan
from alphastock_cli.errors import AlphaStockError, PartlyDone, ProviderError

_NAMED = 5  # missing files named in the warnings and in the error


def planned(plan: Plan, states: Sequence[str], archive: EodArchive) -> Result:
    """Return a plan as rows, with the number of calls and their seconds."""
    rows = [
        {"date": wanted.day, "kind": wanted.kind, "state": state, "file": wanted.name,
         "url": wanted.url}
        for wanted, state in zip(plan.wanted, states, strict=True)
    ]  # fmt: skip
    calls = [w for w, state in zip(plan.wanted, states, strict=True) if state == "to fetch"]
    summary = {
        "sessions": len({wanted.day for wanted in plan.wanted}),
        "files": len(rows),
        "stored": states.count("stored"),
        "cached": states.count("cached"),
        "calls": len(calls),
        "seconds": round(archive.seconds(calls), 1),
    }
    return Result(
        kind="fetch_eod_plan", rows=rows, summary=summary, source="nse", warnings=plan.notes
    )


@dataclass(slots=True, kw_only=True)
class ArchiveReport:
    """What a run over a plan did.

    Attributes
    ----------
    load : FetchReport
        What the lake took in, of fetched and of cached files.
    known : int
        Files that were stored before and not looked at.
    arrivals : list of Arrival
        What came of each other file, in order.
    stopped : ProviderError or None
        Why the run ended early.
    not_reached : int
        Files it did not come to, the one it ended at included.
    """

    plan: Plan
    load: FetchReport = field(default_factory=FetchReport)
    known: int = 0
    requests: int = 0
    arrivals: list[Arrival] = field(default_factory=list)
    stopped: ProviderError | None = None
    not_reached: int = 0

    @property
    def missing(self) -> list[Arrival]:
        """The files that should be there and are not, each with its reason."""
        return [arrival for arrival in self.arrivals if arrival.reason]

    def count(self, outcome: Outcome) -> int:
        """Return how many files came to that."""
        return sum(arrival.outcome is outcome for arrival in self.arrivals)

    def result(self) -> Result:
        """Return the rows of what was loaded, the totals, and what a person should know."""
        loaded = self.load.result()
        summary: dict[str, Any] = {
            "planned": len(self.plan.wanted), "known_before": self.known,
            "from_cache": self.count(Outcome.CACHED), "fetched": self.count(Outcome.FETCHED),
            "missing": len(self.missing), "not_reached": self.not_reached,
            "requests": self.requests,
            "reasons_missing": dict(Counter(_kind(a.reason) for a in self.missing).most_common()),
            "missing_files": [_in_words(arrival) for arrival in self.missing],
            **loaded.summary,
        }  # fmt: skip
        return Result(
            kind="fetch_eod", rows=loaded.rows, summary=summary, source="nse",
            warnings=(*self.plan.notes, *self._warnings(), *self._of_load(loaded)),
        )  # fmt: skip

    def trouble(self) -> AlphaStockError | None:
        """Return the error to end with: stopped early, files missing; None where all is there."""
        if self.stopped is not None:
            return self._stopped(self.stopped)
        if not self.missing:
            return None
        shown = "; ".join(map(_in_words, self.missing[:_NAMED]))
        more = f"; {len(self.missing) - _NAMED} more" if len(self.missing) > _NAMED else ""
        return PartlyDone(
            f"{len(self.missing)} of {len(self.plan.wanted)} files are missing: {shown}{more}",
            safe="Everything else is stored; nothing that was not verified was kept.",
            hint="Run it again later: it asks only for what is missing. Files of a session"
            " appear in the evening.",
        )

    def _stopped(self, why: ProviderError) -> AlphaStockError:
        """Return the reason as it is where nothing was gained, else as something to resume."""
        gained = self.load.added + self.load.changed + self.count(Outcome.FETCHED)
        if not gained:
            return why
        files = self.count(Outcome.FETCHED) + self.count(Outcome.CACHED)
        return PartlyDone(
            f"{why.what} ({self.not_reached} of {len(self.plan.wanted)} files not reached)",
            safe=f"{files} files are stored whole. {why.safe}",
            hint=why.hint,
        )

    def _warnings(self) -> list[str]:
        texts = []
        if not self.plan.wanted:
            texts.append("nothing to do: no session of that span is over")
        elif self.known == len(self.plan.wanted):
            texts.append(f"nothing new: all {self.known} files are stored already")
        elif self.known:
            texts.append(f"{self.known} of {len(self.plan.wanted)} files were stored already")
        kinds: dict[str, list[Arrival]] = {}
        for arrival in self.missing:
            kinds.setdefault(_kind(arrival.reason), []).append(arrival)
        texts += [
            f"{len(found)} × {kind}, e.g. {_in_words(found[0])}" for kind, found in kinds.items()
        ]
        return texts

    def _of_load(self, loaded: Result) -> tuple[str, ...]:
        return loaded.warnings if self.load.files else ()


def _kind(reason: str) -> str:
    """Return the kind of trouble: the words before the particulars."""
    return reason.partition(": ")[0]


def _in_words(arrival: Arrival) -> str:
    return f"{arrival.wanted.day} {arrival.wanted.kind}: {arrival.reason}"
