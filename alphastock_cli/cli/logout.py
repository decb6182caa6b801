"""`logout`: end the session with Kite Connect."""

from __future__ import annotations

from alphastock_cli.cli.options import ROWS, shared
from alphastock_cli.cli.run import Run


@shared(ROWS)
def logout(run: Run) -> None:
    """End the session with Kite Connect: there, and the stored token here.

    The key and secret of the app stay where they are.
    """
    from alphastock_cli.actions.login import log_out

    connection = run.wiring.kite()
    try:
        run.show(log_out(connection.rest, connection.sessions))
    finally:
        connection.close()
