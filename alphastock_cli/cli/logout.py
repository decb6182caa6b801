"""`logout`: end the session with Kite Connect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from alphastock_cli.cli.options import ROWS, shared
from alphastock_cli.cli.run import Run
from alphastock_cli.errors import AuthError

if TYPE_CHECKING:
    from alphastock_cli.providers.kite.connection import Connection


@shared(ROWS)
def logout(
    run: Run,
    *,
    forget: Annotated[
        bool,
        typer.Option("--forget", help="Remove the stored token also where Kite cannot be told."),
    ] = False,
) -> None:
    """End the session with Kite Connect: there, and the stored token here.

    Where Kite cannot be told, the token is kept for another try. The key and secret of the app
    stay where they are.
    """
    from alphastock_cli.actions.login import log_out

    connection = run.wiring.kite()
    try:
        run.show(log_out(lambda: _end(connection), connection.sessions, forget=forget))
    finally:
        connection.close()


def _end(connection: Connection) -> bool:
    """Tell Kite; without a key nobody can."""
    from alphastock_cli.providers.kite.credentials import KEY_VARIABLE, SECRET_VARIABLE

    try:
        _ = connection.credentials
    except AuthError:
        raise AuthError(
            "no api key of Kite Connect is known: without it Kite cannot be told",
            hint=f"Set {KEY_VARIABLE} and {SECRET_VARIABLE}.",
        ) from None
    return connection.rest.end_session()
