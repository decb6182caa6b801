"""How old data may be before a command refuses them: `--max-age`."""

from __future__ import annotations

from datetime import datetime

from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import DamagedData

_DAY = 86_400


def check_age(as_of: datetime | None, clock: Clock, max_age: float | None) -> None:
    """Refuse data whose moment lies more than `max_age` seconds back; None allows any age.

    Raises
    ------
    DamagedData
        They are older, or nobody can say of when they are.
    """
    if max_age is None:
        return
    hint = "Load newer files: `alphastock fetch eod --from-dir FOLDER`."
    allowed = f"(--max-age {max_age / _DAY:.1f} d)"
    if as_of is None:
        raise DamagedData(
            f"nobody can say of when these data are {allowed}",
            safe="Nothing was changed.",
            hint=hint,
        )
    old = (clock.now() - as_of).total_seconds()
    if old > max_age:
        raise DamagedData(
            f"the newest data are of {as_of:%Y-%m-%d %H:%M}, {old / _DAY:.1f} days old {allowed}",
            safe="Nothing was changed.",
            hint=hint,
        )
