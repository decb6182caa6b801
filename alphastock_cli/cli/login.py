"""`login`: the day's session with Kite Connect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from alphastock_cli.cli.options import ROWS, shared
from alphastock_cli.cli.run import Run, parse_duration
from alphastock_cli.errors import AuthError, UsageError

if TYPE_CHECKING:
    from alphastock_cli.providers.kite.connection import Connection


@shared(ROWS)
def login(
    run: Run,
    *,
    paste_url: Annotated[
        bool,
        typer.Option("--paste-url", help="Paste the address the browser ended at: no listener."),
    ] = False,
    request_token_stdin: Annotated[
        bool,
        typer.Option("--request-token-stdin", help="Read the request token from standard input."),
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print where to begin; open nothing.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Ask Kite whether the stored login holds.")
    ] = False,
    wait: Annotated[
        str, typer.Option(help="How long to wait for the browser.", metavar="DURATION")
    ] = "5m",
) -> None:
    """Log in to Kite Connect for the day.

    Opens the login page and hears the answer on this machine alone, at the redirect address
    registered with the app (kite.redirect_url). Key and secret come from ALPHASTOCK_KITE_API_KEY
    and ALPHASTOCK_KITE_API_SECRET, a private file or the keyring; typed ones are kept. The login
    ends at 6 AM.
    """
    from alphastock_cli.actions import login as act

    if sum((paste_url, request_token_stdin, check)) > 1:
        raise UsageError("--paste-url, --request-token-stdin and --check are three ways; give one")
    seconds = parse_duration(wait, option="--wait")
    connection = run.wiring.kite()
    try:
        if check:
            clock = run.wiring.clock
            run.show(act.check(connection.rest, connection.sessions, clock))
            return
        _credentials(run, connection)
        if request_token_stdin:
            token = _from_stdin()
        elif paste_url:
            token = _pasted(run, connection)
        else:
            token = _heard(run, connection, seconds, opens=not no_browser)
        run.show(act.log_in(connection.rest, run.wiring.clock, token))
    finally:
        connection.close()


def _credentials(run: Run, connection: Connection) -> None:
    """Find key and secret; a person at a terminal is asked for them, once."""
    import getpass

    from alphastock_cli.providers.kite import credentials

    try:
        _ = connection.credentials
    except AuthError as error:
        if not _asks(run):  # this is the command their hint names
            error.hint = (
                f"Set {credentials.KEY_VARIABLE} and {credentials.SECRET_VARIABLE}; or log in at a"
                " terminal, without --no-input: there it asks for them, and keeps them."
            )
            raise
        run.note("Key and secret of your Kite Connect app (developers.kite.trade), typed unseen:")
        key, secret = getpass.getpass("api key: ").strip(), getpass.getpass("api secret: ").strip()
        if not key or not secret:
            raise UsageError("key and secret are both needed") from None
        typed = credentials.Credentials(key, secret, "terminal")
        where = credentials.keep(connection.folder, typed, store=connection.settings.secrets)
        run.note(f"kept in {where}")


def _from_stdin() -> str:
    import sys

    from alphastock_cli.providers.kite.login import token_of

    return token_of(sys.stdin.readline(5000), "")


def _pasted(run: Run, connection: Connection) -> str:
    """Show the page's address to a person, and read where the browser ended."""
    import getpass
    import sys

    from alphastock_cli.providers.kite import login as flow

    state = flow.new_state()
    key, root = connection.credentials.api_key, connection.settings.login_root
    if sys.stderr.isatty():  # the address names the api key: no log is to have it
        run.note(f"Open this page and log in:\n  {flow.page(key, state, root)}")
    else:
        run.note(f"Open this page and log in:\n  {root or flow.PAGE}/connect/login?v=3&api_key=KEY")
    if sys.stdin.isatty():
        text = getpass.getpass("The address the browser ended at (unseen): ")
    else:
        text = sys.stdin.readline(5000)
    return flow.token_of(text, state)


def _heard(run: Run, connection: Connection, seconds: float, *, opens: bool) -> str:
    """Send the browser to the page and wait for it to come back."""
    from alphastock_cli.providers.kite import login as flow

    asked = connection.settings
    state = flow.new_state()
    page = flow.page(connection.credentials.api_key, state, asked.login_root)
    listener = flow.Listener(asked.redirect_url, page, state, run.wiring.clock)
    opened = opens and _open(listener.start)
    run.note(f"{'Opened' if opened else 'Open this on this machine:'} {listener.start}")
    run.note(f"waiting {seconds:.0f} s for the login at {asked.redirect_url} (Ctrl-C ends it)")
    return listener.wait(seconds)


def _open(address: str) -> bool:
    """Open a browser that is not told our secrets by its environment."""
    import os
    import webbrowser

    from alphastock_cli.providers.kite.credentials import KEY_VARIABLE, SECRET_VARIABLE

    hidden = {name: os.environ.pop(name) for name in (KEY_VARIABLE, SECRET_VARIABLE)
              if name in os.environ}  # fmt: skip
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
    finally:
        os.environ.update(hidden)


def _asks(run: Run) -> bool:
    import sys

    return sys.stdin.isatty() and sys.stderr.isatty() and not run.get("no_input")
