"""What a shell offers for symbols and expiries: the names of the last list of instruments here.

Asked while somebody types: it reads small texts, asks nobody, and is silent whatever is wrong.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import typer

_MOST = 200  # more than a person reads
_CONTRACTS = ("NFO", "BFO", "MCX", "CDS")


def symbols(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the symbols of the exchange asked for, else of NSE, that begin so."""
    with suppress(Exception):
        from alphastock_cli.store import names

        exchange = str(ctx.params.get("exchange") or "NSE").upper()
        return _beginning(names.symbols(_folder(ctx), exchange), incomplete)
    return []


def traded(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return shares, then contracts, that begin so; after ``BSE:`` those listed there."""
    with suppress(Exception):
        from alphastock_cli.store import names

        folder = _folder(ctx)
        code, mark, begun = incomplete.rpartition(":")
        if mark:
            found = _beginning(names.symbols(folder, code.upper()), begun)
            return [f"{code}:{name}" for name in found]
        return [
            name
            for code in ("NSE", *_CONTRACTS)
            for name in _beginning(names.symbols(folder, code), incomplete)
        ][:_MOST]
    return []


def contracts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return listed contracts that begin so; nothing before a letter is typed."""
    with suppress(Exception):
        from alphastock_cli.store import names

        folder = _folder(ctx)
        held = [name for code in _CONTRACTS for name in names.symbols(folder, code)]
        return _beginning(held, incomplete) if incomplete else []
    return []


def lists(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return a list of symbols divided by commas, its last one completed."""
    before, mark, last = incomplete.rpartition(",")
    return [f"{before}{mark}{name}" for name in symbols(ctx, last)]


def optioned_lists(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return a list of underlyings with options, its last one completed."""
    before, mark, last = incomplete.rpartition(",")
    return [f"{before}{mark}{name}" for name in optioned(ctx, last)]


def underlyings(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the underlyings of derivatives that begin so."""
    with suppress(Exception):
        from alphastock_cli.store import names

        return _beginning(names.underlyings(_folder(ctx)), incomplete)
    return []


def optioned(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the underlyings with options that begin so."""
    with suppress(Exception):
        from alphastock_cli.store import names

        held = names.underlyings(_folder(ctx))
        return _beginning([name for name, ends in held.items() if ends], incomplete)
    return []


def expiries(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the expiries of the underlying typed already, and the words that stand for one."""
    with suppress(Exception):
        from alphastock_cli.store import names

        held = names.underlyings(_folder(ctx))
        # an option that still lacks its value leaves the words before it unread
        typed = ctx.params.get("underlying") or next(iter(ctx.args), "")
        name = str(typed).upper()
        words = [*held.get(name, []), "weekly", "monthly", "next"]
        return [word for word in words if word.startswith(incomplete)]
    return []


def _folder(ctx: typer.Context) -> Path:
    """Return where the lists of this data directory lie."""
    from alphastock_cli.config.load import load

    given = None
    at: typer.Context | None = ctx
    while at is not None and given is None:  # an option may stand before the command or after it
        given, at = at.params.get("data_dir"), at.parent  # type: ignore[assignment]
    flags = {} if given is None else {"data_dir": given}
    return load(flags=flags, env=os.environ, cwd=Path.cwd()).data_dir / "cache" / "kite"


def _beginning(words: list[str] | dict[str, list[str]], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)][:_MOST]
