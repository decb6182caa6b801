"""The words of faults: read, told back, thrown with the same dice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.errors import UnknownName, UsageError
from alphastock_cli.sandbox.fault_names import FAULTS
from alphastock_cli.sandbox.faults import Fault, Faults, parse


def test_a_list_is_read() -> None:
    assert parse("429:0.1, stall:30s,502:x2@/quote,") == (
        Fault(name="429", chance=0.1),
        Fault(name="stall", seconds=30.0),
        Fault(name="502", times=2, path="/quote"),
    )
    assert parse("") == ()
    assert parse("slow:500ms:0.5:x3")[0] == Fault(name="slow", seconds=0.5, chance=0.5, times=3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stal:3s", "stall"),
        ("html429", "html-429"),
        ("old-tokens", "old-token"),
    ],
)
def test_an_unknown_name_lists_the_nearest(text: str, says: str) -> None:
    with pytest.raises(UnknownName) as caught:
        parse(text)
    assert says in caught.value.hint


@pytest.mark.parametrize("text", ["429:often", "429:2", "429:-0.1", "429:nan", "429@quote", "429:"])
def test_what_is_no_chance_no_duration_and_no_count_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


@given(
    st.lists(
        st.builds(
            Fault,
            name=st.sampled_from(sorted(FAULTS)),
            chance=st.sampled_from([0.0, 0.25, 1.0]),
            seconds=st.none() | st.integers(0, 9999).map(float),
            times=st.none() | st.integers(0, 99),
            path=st.sampled_from(["", "/quote", "/orders/regular"]),
        ),
        unique_by=lambda fault: fault.name,
    )
)
def test_what_is_in_force_can_be_asked_for_in_its_own_words(wanted: list[Fault]) -> None:
    assert parse(Faults(tuple(wanted)).words()) == tuple(wanted)


def test_the_same_seed_throws_the_same_dice_whatever_else_is_in_force() -> None:
    def thrown(words: str) -> list[bool]:
        faults = Faults(parse(words), seed=7)
        return [bool(faults.roll("429")) for _ in range(50) if faults.roll("502") or True]

    alone = thrown("429:0.5")
    assert alone == thrown("429:0.5,502:0.5")
    assert 5 < sum(alone) < 45
    other = Faults(parse("429:0.5"), seed=8)
    assert alone != [bool(other.roll("429")) for _ in range(50)]


def test_a_count_runs_out_and_a_path_narrows() -> None:
    faults = Faults(parse("502:x2@/quote"))
    paths = ("/orders", "/quote", "/quote/ltp", "/quote")
    assert [bool(faults.roll("502", path)) for path in paths] == [False, True, True, False]
    assert faults.played == {"502": 2}
    assert faults.roll("429") is None
    faults.set((), seed=0)
    assert faults.played == {}
    assert faults.roll("502", "/quote") is None


def test_chances_are_about_as_asked() -> None:
    faults = Faults(parse("429:0.1"), seed=3)
    hits = sum(faults.roll("429") is not None for _ in range(5000))
    assert 420 < hits < 580  # four standard deviations
