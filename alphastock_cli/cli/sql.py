"""`sql`: one question in SQL over the lake."""

from __future__ import annotations

from typing import Annotated

import typer

from alphastock_cli.cli.options import CRON, ROWS, SOURCE, shared
from alphastock_cli.cli.run import Run


@shared(ROWS, SOURCE, CRON)
def sql(
    run: Run,
    *,
    query: Annotated[str, typer.Argument(help="One SELECT, WITH, EXPLAIN or SHOW TABLES.")],
    allow_files: Annotated[
        bool, typer.Option("--allow-files", help="Allow table functions such as read_parquet.")
    ] = False,
) -> None:
    """Ask the lake in SQL; the views are named like the datasets.

    Example: alphastock sql "select symbol, max(close) from equities_day group by symbol"
    """
    run.needs_product("sql")
    from alphastock_cli.actions.age import check_age
    from alphastock_cli.actions.sql import run_sql
    from alphastock_cli.actions.sql_tables import Tables, result_of

    tables = Tables(run.wiring, provider=run.get("provider"), as_of=run.as_of)
    frame = run_sql(query, tables, allow_files=allow_files)
    result = result_of(frame, tables)
    check_age(result.as_of, run.wiring.clock, run.seconds("max_age"))
    run.show(result)
