"""Words of the command line that several commands read the same way."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from alphastock_cli.actions.option_words import Rate
    from alphastock_cli.cli.run import Run

_DAY = len("2026-08-19")


def exchange_named(text: str, *allowed: str) -> Exchange:
    """Return the exchange meant by `text`; upper or lower case, one of `allowed`."""
    name = text.strip().upper()
    if name not in allowed:
        raise UnknownName.of("exchange", text, allowed, hint=f"One of: {', '.join(allowed)}.")
    return Exchange(name)


def interval_named(text: str) -> Interval:
    """Return the length of a candle meant by `text`: ``day``, ``15minute`` and so on."""
    words = {each.value: each for each in Interval}
    if text.strip().lower() not in words:
        raise UnknownName.of("interval", text, words, hint=f"Known: {', '.join(words)}.")
    return words[text.strip().lower()]


def measured(run: Run, rate: str, model: str, daycount: str) -> Rate:
    """Return rate, model and count of days: of the flags, else of the configuration."""
    from alphastock_cli.actions.option_words import MODELS, Rate, parse_rate
    from alphastock_cli.analytics.chain import Limits
    from alphastock_cli.config.settings import DEFAULT
    from alphastock_cli.exchange.daycount import DAYCOUNTS

    held = run.settings.options
    by_default = run.settings.origin("options.rate") == DEFAULT
    configured = Rate(
        value=held.rate,
        source="default" if by_default else "configuration",
        model=next(name for name in MODELS if name == held.model),
        daycount=next(name for name in DAYCOUNTS if name == held.daycount),
        limits=Limits(
            spread_pct=held.spread_pct,
            spread_ticks=held.spread_ticks,
            trade_seconds=held.trade_seconds,
        ),
        roll_sessions=held.roll_sessions,
    )
    return parse_rate(rate, model, daycount, otherwise=configured)


def earlier_moment(text: str, *, option: str) -> tuple[datetime, bool]:
    """Return a moment, and whether a whole day was named: then it is the end of that day."""
    from alphastock_cli.cli.run import parse_moment

    word = text.strip()
    if not word:
        raise UsageError(f"{option} is empty", hint="e.g. 2026-08-14, 2026-08-14T11:30")
    whole = len(word) == _DAY
    return parse_moment(f"{word}T23:59:59" if whole else word, option=option), whole
