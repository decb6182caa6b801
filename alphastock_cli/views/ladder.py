"""The ladder of an option chain: calls, strike and puts of a strike on one line.

Columns are taken outward from the strike while they fit; the bars of open interest get what is left
over. Colours repeat what the place says: calls in the money stand above the marked row, puts below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from alphastock_cli.views import numbers, option_cells
from alphastock_cli.views.option_cells import strike
from alphastock_cli.views.sheet import Column, Grid, Part, Words

Record = Mapping[str, Any]

BAR: Final = "oi_bar"
_PLAIN = ("last_price", "open_interest", BAR, "oi_change", "volume", "bid", "ask", "time_value",
          "intrinsic")  # fmt: skip
_GREEK = ("last_price", "iv", "delta", "open_interest", BAR, "theta_per_day", "oi_change",
          "vega_per_pct", "gamma", "volume", "bid", "ask", "rho_per_pct", "time_value")  # fmt: skip
_SECOND = ("last_price", "iv", "delta", "vanna", "volga", "charm", "speed", "color", "gamma",
           "theta_per_day", "vega_per_pct", "open_interest", BAR, "oi_change", "volume", "bid",
           "ask", "rho_per_pct", "time_value")  # fmt: skip
_NEVER = frozenset({"tradingsymbol", "underlying", "expiry", "strike", "option_type", "moneyness",
                    "iv_status", "intrinsic"})  # fmt: skip
_COUNTS = frozenset({"open_interest", "oi_change", "volume", "bid_quantity", "ask_quantity"})
_BAR_LEAST, _BAR_MOST = 4, 12
_MARK = "▸ {} ◂"
_FEWEST = 2  # columns of a side, however narrow the screen is
_IN_THE_MONEY = "cyan"
_BARS = "blue"


@dataclass(kw_only=True, eq=False, repr=False)
class Ladder:
    """What a ladder of these rows shows on a screen of this width.

    Attributes
    ----------
    records : sequence of mappings
        Rows of a chain with the same columns; a side that is not listed has no row.
    atm : float or None
        The strike to mark.
    width : int
        Characters.
    """

    records: Sequence[Record]
    atm: float | None
    width: int
    left_out: list[str] = field(default_factory=list)
    _texts: dict[str, list[str]] = field(default_factory=dict)  # of a column, a record each
    _needs: dict[str, int] = field(default_factory=dict)
    _gap: list[int] = field(default_factory=lambda: [1])

    def __post_init__(self) -> None:
        """Choose the columns, outward from the strike."""
        order = [name for name in self._order() if name == BAR or name in self.records[0]]
        room = (self.width - self._middle()) // 2
        used = 0
        for name in order:
            need = self._need(name)
            if self.left_out or (used + need + 1 > room and len(self._needs) >= _FEWEST):
                if name != BAR:  # a picture of a number that is shown is no figure to miss
                    self.left_out.append(name)
                continue
            self._needs[name] = need
            used += need + 1
        spare = room - used
        if BAR in self._needs:
            more = min(max(spare, 0), _BAR_MOST - _BAR_LEAST)
            self._needs[BAR] += more
            spare -= more
        if spare >= len(self._needs):
            self._gap[0] = 2

    @property
    def shown(self) -> list[str]:
        """The columns of a side, from the strike outward."""
        return list(self._needs)

    def title(self) -> Words:
        """Return the line above the table: which half is which."""
        half = sum(self._needs.values()) + self._gap[0] * (len(self._needs) - 1)
        gap = " " * (self._middle() + 2 * self._gap[0] - 1)
        line = f"{'CALLS (CE)':^{half}}{gap}{'PUTS (PE)':^{half}}"
        return Words((line.rstrip(), "bold"))

    def table(self) -> Grid:
        """Return the table, a strike a row, ascending."""
        outward, inward = self.shown, self.shown[::-1]
        columns = [
            *(Column(_head(name), "right", self._needs[name]) for name in inward),
            Column("strike", "center", self._middle() - 1),
            *(
                Column(_head(name), "left" if name == BAR else "right", self._needs[name])
                for name in outward
            ),
        ]
        made, longest = Grid(columns, gap=self._gap[0] - 1), self._longest()
        most = max((row.get("open_interest") or 0 for row in self.records), default=0)
        sides: dict[str, dict[float, int]] = {"CE": {}, "PE": {}}
        for at, row in enumerate(self.records):
            sides[row["option_type"]][row["strike"]] = at
        for value in sorted({row["strike"] for row in self.records}):
            mark = value == self.atm
            name = f"{strike(value):>{longest}}"
            text = _MARK.format(name) if mark else f"  {name}  "
            cells = [
                *self._cells(sides["CE"].get(value), inward, most),
                (text, "bold"),
                *self._cells(sides["PE"].get(value), outward, most),
            ]
            made.rows.append((cells, "bold" if mark else ""))
        return made

    def _order(self) -> list[str]:
        first = self.records[0]
        known = _SECOND if "vanna" in first else _GREEK if "iv" in first else _PLAIN
        rest = [name for name in first if name not in known and name not in _NEVER]
        return [*known, *rest]

    def _middle(self) -> int:
        """Return the width of the strikes with their mark, and the blank after them."""
        return max(self._longest() + len(_MARK.format("")), len("strike")) + 1

    def _longest(self) -> int:
        return max(len(strike(row["strike"])) for row in self.records)

    def _need(self, name: str) -> int:
        if name == BAR:
            return _BAR_LEAST
        self._texts[name] = [_figure(name, row) for row in self.records]
        return max(len(_head(name)), *map(len, self._texts[name]))

    def _cells(self, at: int | None, names: Sequence[str], most: int) -> list[Part]:
        """Return the cells of a side: blank where it is not listed, a dash where a figure lacks."""
        if at is None:
            return [("", "") for _ in names]
        row = self.records[at]
        inside = _IN_THE_MONEY if row.get("moneyness") == "ITM" else ""
        return [
            (self._bar(row, most), _BARS)
            if name == BAR
            else (self._texts[name][at], option_cells.style(name, row.get(name)) or inside)
            for name in names
        ]

    def _bar(self, row: Record, most: int) -> str:
        """Return the open interest as a bar from the strike outward, in halves of a character."""
        held = row.get("open_interest") or 0
        halves = round(held / most * self._needs[BAR] * 2) if most else 0
        whole, half = "█" * (halves // 2), halves % 2
        if row["option_type"] == "CE":
            return f"{'▐' if half else ''}{whole}"
        return f"{whole}{'▌' if half else ''}"


def _head(name: str) -> str:
    return "" if name == BAR else option_cells.NAMES.get(name, name)


def _figure(name: str, row: Record) -> str:
    text = option_cells.cell(name, row.get(name))
    return text.replace(" ", "") if name in _COUNTS and text != numbers.MISSING else text
