"""Whether a packet that could be read is believed: against its own day and the one before it.

Repeated, late and impossible packets are counted and stay out, so that candles and queues of
orders are not moved by them. One gate stands before one connection. No clock here.
"""

from __future__ import annotations

from collections import Counter

from alphastock_cli.providers.kite.stream import packets as p
from alphastock_cli.providers.kite.stream.packets import Packet

_DAY, _INDIA = 86_400, 19_800  # seconds of a day; those by which India is ahead of UTC
_AHEAD = 5  # seconds: both exchange and Kite keep time, and what our clock lacks the caller adds
_JUMP = 10  # times the price before; layouts without a day's range have no other measure
_HELD = 3  # so many packets in a row make a jump the new price, or take back a volume
_INDEX_QUOTE, _INDEX_FULL, _QUOTE, _FULL = p.INDEX_QUOTE, p.INDEX_FULL, p.QUOTE, p.FULL
_HIGH, _LOW, _IHIGH, _ILOW = p.HIGH, p.LOW, p.INDEX_HIGH, p.INDEX_LOW
_DEPTH_PRICES = slice(p.DEPTH + 1, p.FULL, 3)


class Gate:
    """What was last believed of each token.

    Parameters
    ----------
    counts : Counter
        Gains one under the reason of each packet that is not admitted: ``duplicate``, ``older``,
        ``future``, ``volume_down``, ``outside_day``, ``jump``, ``bad_price``.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._last: dict[int, Packet] = {}
        self._stamps: dict[int, int] = {}
        self._volumes: dict[int, tuple[int, int, int]] = {}  # by token: day, units, those before
        self._jumps: dict[int, tuple[int, int]] = {}  # by token: price, how often in a row
        self._falls: dict[int, tuple[int, int]] = {}  # by token: volume, how often in a row

    def admit(self, packet: Packet, now: int) -> bool:
        """Tell whether a packet is news, and remember it if so; see `judge`."""
        return self.judge(packet, now) is None

    def judge(self, packet: Packet, now: int) -> str | None:
        """Return why a packet is not admitted; None where it is news, which is remembered.

        Parameters
        ----------
        now : int
            Seconds since 1970, no earlier than it is; only to tell a day, and a stamp that cannot
            be: one wrong stamp that is believed makes all that follow look old.
        """
        token = packet[0]
        before = self._last.get(token)
        # without a time of its own, the same again says that it still is so
        same = packet == before and len(packet) in {_FULL, _INDEX_FULL}
        reason = "duplicate" if same else self._fault(packet, before, now)
        if reason is not None:
            self._counts[reason] += 1
            return reason
        self._last[token] = packet
        return None

    def forget(self, token: int) -> None:
        """Forget a token: nobody follows it any more, or it is asked for anew."""
        for held in (self._last, self._stamps, self._volumes, self._jumps, self._falls):
            held.pop(token, None)

    def reconnected(self) -> None:
        """Take the next snapshot as the truth, whatever was believed before."""
        for held in (self._last, self._stamps, self._volumes, self._jumps, self._falls):
            held.clear()

    def _fault(self, packet: Packet, before: Packet | None, now: int) -> str | None:
        size, token, last = len(packet), packet[0], packet[1]
        if size in {_QUOTE, _FULL}:
            high, low = packet[_HIGH], packet[_LOW]
        elif size in {_INDEX_QUOTE, _INDEX_FULL}:
            high, low = packet[_IHIGH], packet[_ILOW]
        else:
            return self._jumped(token, last, before)
        if low and last and not low <= last <= high:
            return "outside_day"
        most = p.highest(token)
        if high > most or (size == _FULL and max(packet[_DEPTH_PRICES]) > most):
            return "bad_price"
        return self._timed(packet, token, now)

    def _timed(self, packet: Packet, token: int, now: int) -> str | None:
        """Return what is wrong with time or volume of a packet; remember them if nothing."""
        stamp = p.stamp_of(packet)
        if stamp is not None:
            if stamp > now + _AHEAD:
                return "future"
            if stamp < self._stamps.get(token, 0):
                return "older"
        if len(packet) in {_QUOTE, _FULL} and self._fell(packet, token, stamp or now):
            return "volume_down"
        if stamp is not None:
            self._stamps[token] = stamp
        return None

    def _fell(self, packet: Packet, token: int, moment: int) -> bool:
        """Tell whether the day's volume fell; remember it if not.

        A volume that the next ones do not reach was itself wrong, if they did reach the one before
        it: so many in a row take it back.
        """
        day, volume = (moment + _INDIA) // _DAY, packet[p.VOLUME]
        held_day, most, before = self._volumes.get(token, (day, 0, 0))
        if held_day == day and volume < most:
            last, times = self._falls.get(token, (before, 0))
            if volume < before:
                return True
            times = times + 1 if volume >= last else 1
            if times < _HELD:
                self._falls[token] = (volume, times)
                return True
            most = before
        self._falls.pop(token, None)
        self._volumes[token] = (day, volume, most if held_day == day else 0)
        return False

    def _jumped(self, token: int, last: int, before: Packet | None) -> str | None:
        """Return ``jump`` until a price far from the one before it has come often enough."""
        held = before[1] if before else 0
        if not held or (held < last * _JUMP and last < held * _JUMP):
            self._jumps.pop(token, None)
            return None
        price, times = self._jumps.get(token, (last, 0))
        near = price < last * 2 and last < price * 2
        times = times + 1 if near else 1
        if times >= _HELD:
            self._jumps.pop(token, None)
            return None
        self._jumps[token] = (last, times)
        return "jump"
