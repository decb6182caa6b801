"""Which ledger a `trade` command speaks of: its name, whose fills it takes, what if there is none.

What a ledger holds is the business of `actions/ledger.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from alphastock_cli.cli.run import Run
from alphastock_cli.errors import UsageError, nearest
from alphastock_cli.registry import PROVIDERS

if TYPE_CHECKING:
    from alphastock_cli.actions.result import Result
    from alphastock_cli.domain.trading import OrderState
    from alphastock_cli.store.journal import Journal

LIVE, REPLAY = "live", "replay"
_WORDS = {LIVE: "real, live data", REPLAY: "real days replayed"}


def name_of(run: Run) -> str:
    """Return the ledger's name: the one given, else that of the data."""
    account: str = run.wiring.account(run.get("account") or "")
    return account


def existing(run: Run) -> str:
    """Return the name of a ledger that is there: who only changes one never makes it.

    Raises
    ------
    UsageError
        There is none.
    """
    account = name_of(run)
    if not run.wiring.ledger_path(account).exists():
        raise UsageError(
            f"there is no ledger {account!r}{_others(run, account)}",
            safe="Nothing was made or changed.",
            hint=f"`{_begins(run)}` begins one.",
        )
    return account


def missing(run: Run, kind: str) -> bool:
    """Tell whether there is no ledger to read, and show the empty result if so."""
    account = name_of(run)
    if run.wiring.ledger_path(account).exists():
        return False
    from alphastock_cli.actions.ledger import unbegun

    text = f"there is no ledger {account!r} yet{_others(run, account)}: `{_begins(run)}` begins one"
    run.show(marked(run, unbegun(kind, account, text), None))
    return True


def own(run: Run) -> str:
    """Return the ledger that the fills of this run may enter, by its name.

    Simulated and replayed ones never enter `paper`, nor one of the two the ledgers of the other.

    Raises
    ------
    UsageError
        The ledger named is of other data.
    """
    account = name_of(run)
    wanted = _source_by_name(account)
    if wanted is not None and wanted != _source(run):
        raise UsageError(
            f"--account {account}: fills of `{run.settings.provider}` never enter that ledger",
            safe="No order was written.",
            hint="Drop --account for the ledger of these data, or give it another name.",
        )
    return account


def ready(run: Run, journal: Journal) -> None:
    """Let an open ledger take the orders of this run; its first order says of which data it is.

    Raises
    ------
    UsageError
        It holds orders of other data.
    """
    source, held, account = _source(run), journal.meta("source"), journal.meta("account")
    if held and held != source:
        raise UsageError(
            f"the ledger {account!r} holds orders on {_told(held)}: those on {_told(source)} never"
            " enter it",
            safe="No order was written.",
            hint="Give --account another name; `alphastock trade orders` still reads this one.",
        )
    if not held and _source_by_name(account) is None and journal.last_moment() is not None:
        run.note(
            f"warning: the ledger {account!r} does not say on which data its orders were given;"
            f" from the next order on it takes those on {_told(source)} alone"
        )
    journal.source = source


def marked(run: Run, result: Result, journal: Journal | None) -> Result:
    """Return what a ledger says, marked where its fills are simulated."""
    by_name = _source_by_name(name_of(run))
    source = by_name or (journal.meta("source") if journal else "") or _source(run)
    return replace(result, simulated=result.simulated or source not in _WORDS)


def goes_on(run: Run) -> Callable[[OrderState, datetime], str]:
    """Return what writes the command with which an order meets the market that follows."""
    words, replayed = str(run.settings.provider), run.wiring.replayed
    account = f" --account {run.get('account')}" if run.get("account") else ""

    def command(state: OrderState, now: datetime) -> str:
        if replayed is None:
            return f"alphastock trade --paper --once --provider {words}{account}"
        if state.order.session == replayed.day:
            moment = f" --as-of {now:%Y-%m-%dT%H:%M:%S}"
            return f"alphastock trade --paper --for 5m --provider {words}{moment}{account}"
        later = f"{words.rpartition(':')[0]}:{state.order.session}"
        ledger = f" --account {name_of(run)}"
        return f"alphastock trade --paper --for 5m --provider {later}{ledger}"

    return command


def _source(run: Run) -> str:
    """Return what the data of this run are: simulated from a seed, replayed, or live."""
    replayed = run.wiring.replayed
    name = run.settings.provider if replayed is None else replayed.provider
    if name == "sim":
        return f"sim-{run.settings.sim.seed}"
    if replayed is not None:
        return REPLAY
    # a stranger's provider says itself that it is none of a market
    simulated = getattr(PROVIDERS.get(name), "simulated", False)
    return f"simulated by {name}" if simulated else LIVE


def _source_by_name(account: str) -> str | None:
    """Return what a ledger takes by the names that `Wiring.account` gives; None of any other."""
    name = account.casefold()
    if name == "paper":
        return LIVE
    if re.fullmatch(r"replay-\d{4}-\d\d-\d\d", name):
        return REPLAY
    found = re.fullmatch(r"(sim-\d+)(-\d{4}-\d\d-\d\d)?", name)
    return None if found is None else found[1]


def _told(source: str) -> str:
    simulated = source.removeprefix("sim-")
    return _WORDS.get(source) or (
        f"the simulated exchange of seed {simulated}" if simulated != source else f"data {source}"
    )


def _others(run: Run, account: str) -> str:
    """Name the ledgers there are, those that look like the one asked for first; at most three."""
    names = sorted(path.stem for path in run.wiring.ledger_path(account).parent.glob("*.ledger"))
    if not names:
        return ""
    near = nearest(account, names)
    return f" (there are: {', '.join([*near, *(n for n in names if n not in near)][:3])})"


def _begins(run: Run) -> str:
    """Return the command that makes the ledger asked for."""
    given = (("provider", run.get("provider")), ("account", run.get("account")))
    words = "".join(f" --{name} {value}" for name, value in given if value)
    return f"alphastock trade --paper{words}"
