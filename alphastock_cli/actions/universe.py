"""Which symbols a scan looks at: an index, a sector, a file, a list, the configured watch list.

Pure but for reading the one file a person names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from alphastock_cli.domain.ports import MarketData
from alphastock_cli.errors import NotOffered, UnknownName, UsageError, nearest
from alphastock_cli.exchange import indices

_MAX_FILE = 1 << 20
_MAX_SYMBOLS = 20_000
_NAMED = 5


def resolve(
    word: str, provider: MarketData, *, on: date, watchlist: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the symbols `word` stands for, sorted; empty means every symbol.

    ``all``; ``watchlist`` (the configured equities); an index such as ``nifty50``,
    ``banknifty`` or ``"NIFTY IT"``; ``sector:IT`` is answered by `sector_of`; a path of a file
    with one symbol a line; ``SBIN,INFY``.

    Raises
    ------
    UnknownName
        Neither an index nor a file; the nearest index names are listed.
    NotOffered
        The index is known and its members on that day are not.
    """
    text = word.strip()
    if text.lower() == "all":
        return ()
    if text.lower() == "watchlist":
        if not watchlist:
            raise UsageError(
                "--universe watchlist: the configuration names no equities",
                hint='Put `equities = ["SBIN", "INFY"]` under [symbols] in alphastock.toml.',
            )
        return tuple(sorted(set(watchlist)))
    path = Path(text).expanduser()
    if path.is_file():
        return read_symbols(path)
    if "," in text:
        return parse_symbols(text)
    return _index(text, provider, on)


def _index(text: str, provider: MarketData, on: date) -> tuple[str, ...]:
    index = indices.underlying_index(text.upper()) or indices.canonical_index(text)
    members = provider.members(index, on)
    if members:
        return tuple(sorted(members))
    if index in indices.index_names():
        raise NotOffered(
            f"the members of {index} on {on} are not known to `{provider.name}`",
            hint="Load the exchange's constituent file: `alphastock fetch reference --from-dir F`.",
        )
    raise UnknownName.of(
        "universe",
        word_or_path(text),
        [*indices.index_names(), "all", "watchlist"],
        hint="Give an index, sector:NAME or a file of symbols; for one share, --symbols NAME.",
    )


def word_or_path(text: str) -> str:
    """Return `text` cut to a length that fits a message."""
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - a line


def parse_symbols(text: str) -> tuple[str, ...]:
    """Return the symbols of ``SBIN, INFY``, upper case, without repeats, sorted."""
    return tuple(sorted({part.strip().upper() for part in text.split(",") if part.strip()}))


def not_there(what: str, absent: Sequence[str], known: Iterable[str]) -> str:
    """Return a warning that names up to five of `absent` and what may be meant instead.

    >>> not_there("not listed", ["SBINN"], ["SBIN", "INFY"])
    'not listed: SBINN (did you mean SBIN?)'
    """
    names = list(known)
    told = []
    for symbol in absent[:_NAMED]:
        near = nearest(symbol, names, most=2)
        told.append(f"{symbol} (did you mean {' or '.join(near)}?)" if near else symbol)
    more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
    return f"{what}: {', '.join(told)}{more}"


def read_symbols(path: Path) -> tuple[str, ...]:
    """Return the symbols of a text file: the first field of each line, ``#`` begins a remark."""
    if path.stat().st_size > _MAX_FILE:
        raise UsageError(f"{path}: larger than {_MAX_FILE} bytes, not a list of symbols")
    found: set[str] = set()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        field = line.split("#")[0].split(",")[0].strip().strip('"').upper()
        if field and field not in {"SYMBOL", "TRADINGSYMBOL"}:
            found.add(field.removeprefix("NSE:"))
    if not found:
        raise UsageError(f"{path}: holds no symbol", hint="One symbol a line.")
    if len(found) > _MAX_SYMBOLS:
        raise UsageError(f"{path}: more than {_MAX_SYMBOLS} symbols")
    return tuple(sorted(found))


def sector_of(text: str, sectors: Sequence[str]) -> str:
    """Return the sector meant by `text`: its name, its initials, or the one that contains it.

    >>> sector_of("it", ["Information Technology", "Power"])
    'Information Technology'
    """
    wanted = text.strip().casefold()
    exact = [name for name in sectors if name.casefold() == wanted]
    initials = [name for name in sectors if _initials(name) == wanted]
    part = [name for name in sectors if wanted in name.casefold()]
    for found in (exact, initials, part):
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"sector:{text} fits {len(found)} sectors: {', '.join(found)}")
    raise UnknownName.of("sector", text, sectors, hint=f"Known: {', '.join(sectors)}.")


def _initials(name: str) -> str:
    words = [word for word in name.replace("&", " ").split() if word != "and"]
    return "".join(word[0] for word in words).casefold()
