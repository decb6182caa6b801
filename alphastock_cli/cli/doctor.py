"""`doctor`: is this machine ready, line by line, each with its fix."""

from __future__ import annotations

import typer

from alphastock_cli.cli.options import ROWS, shared
from alphastock_cli.cli.run import Run


@shared(ROWS)
def doctor(run: Run) -> None:
    """Check directories, permissions, lake, calendar, versions, clock and disk.

    Exits 8 when a check fails.
    """
    from alphastock_cli.actions import doctor as checks
    from alphastock_cli.actions.result import Result
    from alphastock_cli.providers.kite import health

    found = checks.run_checks(run.settings, run.wiring.clock, lake=run.wiring.lake)
    found += [
        checks.anonymous(checks.Check(name=n, status=s, detail=d, fix=f))
        for n, s, d, f in health.rows(run.wiring.kite(), asked=run.settings.provider == "kite")
    ]
    rows = [{"check": c.name, "status": c.status, "detail": c.detail, "fix": c.fix} for c in found]
    worst = [c for c in found if c.status == "fail"]
    run.show(Result(kind="doctor", rows=rows, source="this machine"))
    if worst:
        raise typer.Exit(8)
