"""`sandbox`: a local exchange that speaks Kite Connect's protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphastock_cli.cli.options import ROWS, SOURCE, shared
from alphastock_cli.cli.run import Run
from alphastock_cli.errors import NotOffered, UsageError

if TYPE_CHECKING:
    from alphastock_cli.bootstrap import Wiring
    from alphastock_cli.sandbox.exchange import Sandbox

_MARKET = {name: SOURCE[name] for name in ("provider", "as_of")}
_FORM = {"json": ROWS["json"]}
_LAST_PORT = 65535
_MOST_CASH, _FASTEST = 1e15, 3600.0


@shared(_MARKET, _FORM)
def sandbox(
    run: Run,
    *,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", metavar="N")] = 8765,
    host: Annotated[
        str, typer.Option(help="127.0.0.1 or ::1, never another.", metavar="ADDRESS")
    ] = "127.0.0.1",
    replay: Annotated[
        str, typer.Option(help="Live this day again, from its opening.", metavar="DATE")
    ] = "",
    speed: Annotated[
        float,
        typer.Option(
            help="Of --replay and --as-of: 60 is a minute a second.", metavar="X", min=0.0
        ),
    ] = 1.0,
    fault: Annotated[
        str, typer.Option(help="What goes wrong, e.g. 429:0.1,stall:30s.", metavar="LIST")
    ] = "",
    seed: Annotated[int, typer.Option(help="Of the faults' dice.", metavar="N", min=0)] = 0,
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Show every fault.")] = False,
    auto_login: Annotated[
        bool, typer.Option("--auto-login", help="The login page presses its own button.")
    ] = False,
    no_limits: Annotated[
        bool, typer.Option("--no-limits", help="Count calls, but refuse none for their number.")
    ] = False,
    cash: Annotated[
        float, typer.Option(help="Opening cash in rupees.", metavar="RUPEES", min=0.0)
    ] = 1_000_000.0,
) -> None:
    """Run a local exchange that speaks Kite Connect, without an account.

    Example: alphastock sandbox --replay 2026-08-14 --fault "429:0.1,drop:30s"
    """
    if list_faults:
        _show_faults(run)
        return
    if not 0 <= port <= _LAST_PORT:
        raise UsageError(f"--port {port}: not a port", hint="From 0 to 65535.")
    if not (cash < _MOST_CASH and speed <= _FASTEST):
        raise UsageError(
            f"--cash {cash:g} --speed {speed:g}: too much",
            hint=f"Cash below {_MOST_CASH:g} rupees, speed up to {_FASTEST:g}.",
        )
    from alphastock_cli.bootstrap import SystemClock
    from alphastock_cli.sandbox.exchange import House, Sandbox
    from alphastock_cli.sandbox.faults import Faults, parse
    from alphastock_cli.sandbox.limits import Rates
    from alphastock_cli.sandbox.server import listen, server
    from alphastock_cli.sandbox.sessions import App

    faults = Faults(parse(fault), seed=seed)
    wiring = _wiring(run, replay, speed)
    market = wiring.provider()
    _can_be_sold(market)
    wall = SystemClock()
    state = Sandbox(
        market, clock=wiring.clock, wall=wall, faults=faults,
        rates=Rates.of(wall.now().date(), on=not no_limits),
        app=App(redirect_url=run.settings.kite.redirect_url),
        house=House(cash=cash, auto_login=auto_login),
    )  # fmt: skip
    web = server(state)
    held = listen(host, port)
    try:
        _say_where(run, state, *held.getsockname()[:2])
        _end_on_sigterm()
        web.run(sockets=[held])
    finally:
        held.close()


def _wiring(run: Run, replay: str, speed: float) -> Wiring:
    """Return the wiring whose clock runs on: from now, a moment asked for, or a day's opening."""
    from dataclasses import replace

    from alphastock_cli.bootstrap import Wiring

    settings = run.settings
    if replay:
        source = "sim:" if settings.provider == "sim" else ""
        if settings.provider not in {"sim", "lake", "replay"}:
            raise UsageError(
                f"--replay: no day of {settings.provider} can be lived again",
                hint="Use --provider sim or --provider lake.",
            )
        settings = replace(settings, provider=f"replay:{source}{replay}")
    if settings.provider == "kite":
        raise UsageError(
            "the sandbox stands in for Kite and cannot be fed by it", hint="Use --provider sim."
        )
    wiring = Wiring(settings, as_of=run.as_of, notify=run.note)
    wiring.run_on(speed)
    return wiring


def _can_be_sold(market: Any) -> None:  # noqa: ANN401 - any provider
    from alphastock_cli.domain.ports import Capability

    for needed in (Capability.QUOTES, Capability.INSTRUMENTS):
        if needed not in market.capabilities:
            raise NotOffered(
                f"the sandbox needs {needed.value}, which {market.name} does not have",
                hint="Use --provider sim, or --provider lake with --replay DATE.",
            )


def _show_faults(run: Run) -> None:
    from alphastock_cli.actions.result import Result
    from alphastock_cli.sandbox.fault_names import FAULTS

    rows = [
        {"fault": name, "usual": f"{one.seconds:g}s" if one.seconds else "", "does": one.meaning}
        for name, one in FAULTS.items()
    ]
    run.show(Result(kind="sandbox_faults", rows=rows, source="sandbox"))


def _say_where(run: Run, state: Sandbox, host: str, port: int) -> None:
    """Print how to reach it: lines for a shell, or one JSON object."""
    import json

    from alphastock_cli.sandbox.server import at

    app = state.sessions.app
    told = {
        "ALPHASTOCK_KITE_ROOT": f"http://{at(host, port)}",
        "ALPHASTOCK_KITE_LOGIN_ROOT": f"http://{at(host, port)}",
        "ALPHASTOCK_KITE_WS_ROOT": f"ws://{at(host, port)}",
        "ALPHASTOCK_KITE_API_KEY": app.api_key,
        "ALPHASTOCK_KITE_API_SECRET": app.api_secret,
    }
    as_of = state.market.as_of()
    run.note(f"sandbox of {state.market.name}, {as_of:%a %Y-%m-%d %H:%M:%S} its time")
    if (state.clock.now() - as_of).total_seconds() > 1:
        run.note("the market is closed: quotes stand still (--replay DATE lives a day again)")
    if words := state.faults.words():
        run.note(f"faults: {words} (seed {state.faults.seed})")
    run.note("point alphastock at it with these lines, then `alphastock login`; Ctrl-C ends it")
    if run.format == "json":
        print(json.dumps(told), flush=True)  # noqa: T201 - the rim
        return
    for name, value in told.items():
        print(f"export {name}={value}", flush=True)  # noqa: T201 - the rim


def _end_on_sigterm() -> None:
    """Let a polite end take the way of Ctrl-C."""
    import signal

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)
