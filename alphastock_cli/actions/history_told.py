"""What a fetch of candles tells a person at its end: counts, and what should be known of them.

Sentences alone: nothing is asked for, stored or decided here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from alphastock_cli.actions.history_jobs import Job
from alphastock_cli.errors import AlphaStockError, AuthError, PartlyDone, ProviderError


def failed(error: AlphaStockError, stored: int, total: int) -> AlphaStockError:
    """Return the error of a source, saying what is kept, and how to go on."""
    kept = f"The answers of {stored} of {total} calls are stored."
    if isinstance(error, AuthError):
        hint = "Run `alphastock login`, then the same command: it goes on from there."
        return AuthError(error.what, safe=kept, hint=hint)
    if not stored or not isinstance(error, ProviderError):
        error.safe = kept if stored else error.safe
        return error
    return PartlyDone(error.what, safe=kept, hint="Run the same command again: it goes on.")


def lost(
    failure: AlphaStockError,
    trouble: AlphaStockError | None,
    *,
    stored: int,
    asked: int,
    total: int,
) -> AlphaStockError:
    """Return the error of a store that did not take all answers, saying which it has."""
    if trouble is not None and trouble is not failure:
        failure.what = f"{failure.what}; before that: {trouble.what}"
        failure.args = (failure.what,)
    failure.safe = (
        f"The answers of {stored} of {total} calls are stored"
        + (f", those of {asked - stored} are not." if asked > stored else ".")
    )  # fmt: skip
    failure.hint = f"{failure.hint} The same command goes on from there.".strip()
    return failure


def nothing_asked(jobs: Sequence[Job]) -> str:
    """Say why no call was made."""
    held, empty = sum(len(job.held) for job in jobs), sum(job.empty for job in jobs)
    settled = sum(job.settled for job in jobs)
    more = f"; {settled} with refused or missing candles, told twice (--refetch)" if settled else ""
    if not empty:
        return f"nothing to ask for: every session is stored already{more}"
    if not held:
        return "nothing to ask for: every session was answered without a candle"
    return (
        f"nothing to ask for: {held} sessions are stored, {empty} were answered without a candle"
        f"{more}"
    )


def remarks(job: Job, source: str) -> list[str]:
    """Return what is to be known of the sessions that were answered for one symbol."""
    if not job.asked:
        return []
    found = _without(job, source)
    if gone := job.counts.get("gone"):
        found.append(f"{gone} stored candles of {job.symbol} that {source.capitalize()} no longer"
                     " tells are gone")  # fmt: skip
    again, short = sorted(job.again), sorted(job.short)
    if refused := [day for day in again if day not in job.short]:
        found.append(f"{_count(refused, 'session')} of {job.symbol} {_named(refused)} had rows"
                     " refused: the next run asks again")  # fmt: skip
    if asked := [day for day in short if day in job.again]:
        found.append(f"{_count(asked, 'session')} of {job.symbol} {_named(asked)} came with too few"
                     " candles: the next run asks again")  # fmt: skip
    if job.told:
        told = sorted(job.told)
        found.append(
            f"{_count(told, 'session')} of {job.symbol} {_named(told)} came with refused or"
            " missing candles again: not asked for any more, only with --refetch"
        )
    return found


def _without(job: Job, source: str) -> list[str]:
    """Tell of sessions that were answered without a candle."""
    empty = [day for day in job.over if day not in job.held and day not in job.again]
    if not empty:
        return []
    name = source.capitalize()
    if not job.held:
        span = f"from {empty[0]} to {empty[-1]}" if len(empty) > 1 else f"on {empty[0]}"
        return [f"{name} has no candles of {job.symbol} {span}"]
    first = min(job.held)
    before, later = [day for day in empty if day < first], [day for day in empty if day > first]
    found = []
    if before:
        found.append(f"{name} has no candles of {job.symbol} before {first}")
    if later:
        found.append(
            f"{name} has no candles of {job.symbol} on {_count(later, 'session')} {_named(later)}"
        )
    return found


def _count(days: Collection[date], what: str) -> str:
    return f"{len(days)} {what}" + ("" if len(days) == 1 else "s")


def _named(days: Sequence[date]) -> str:
    return f"({days[0]})" if len(days) == 1 else f"({days[0]} to {days[-1]})"
