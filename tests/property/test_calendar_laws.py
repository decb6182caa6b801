"""Laws every exchange calendar keeps, whatever its tables say."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from alphastock_cli.exchange.calendar import (
    IST,
    Segment,
    is_open,
    is_session,
    last_final_session,
    latest_session,
    next_open,
    next_session,
    previous_session,
    reach,
    session,
    sessions,
)

MARGIN = timedelta(days=15)  # no segment is closed that long
ZONES = st.sampled_from(
    ["UTC", "America/New_York", "Pacific/Auckland", "Asia/Kolkata", "Asia/Kathmandu"]
).map(ZoneInfo)


@st.composite
def days(draw):
    segment = draw(st.sampled_from(Segment))
    first, last = reach(segment)
    return segment, draw(st.dates(first + MARGIN, last - MARGIN))


@st.composite
def moments(draw):
    """A moment of the years whose hours are known, often within seconds of a phase's edge."""
    segment = draw(st.sampled_from(Segment))
    day = draw(st.dates(date(2024, 1, 16), date(2026, 10, 31)))
    found = session(segment, day)
    edges = (
        [edge for phase in found.phases for edge in (phase.opens, phase.closes)] if found else []
    )
    if edges and draw(st.booleans()):
        return segment, draw(st.sampled_from(edges)) + timedelta(
            seconds=draw(st.integers(-2, 2)), microseconds=draw(st.integers(-1, 1))
        )
    return segment, datetime.combine(day, draw(st.times()), IST)


@given(days())
def test_next_after_previous_of_a_session_is_itself(drawn):
    segment, day = drawn
    assume(is_session(segment, day))
    assert next_session(segment, previous_session(segment, day)) == day
    assert previous_session(segment, next_session(segment, day)) == day


@given(days())
def test_neighbours_are_sessions_with_none_between(drawn):
    segment, day = drawn
    before, after = previous_session(segment, day), next_session(segment, day)
    assert before < day < after
    between = sessions(segment, before, after)
    assert between == [before, *([day] if is_session(segment, day) else []), after]


@given(days(), st.integers(0, 400))
def test_sessions_are_sorted_unique_and_exactly_the_traded_days(drawn, length):
    segment, start = drawn
    end = min(start + timedelta(days=length), reach(segment)[1])
    found = sessions(segment, start, end)
    assert found == sorted(set(found))
    every = (start + timedelta(days=n) for n in range((end - start).days + 1))
    assert found == [day for day in every if session(segment, day) is not None]


@given(days())
def test_a_session_is_well_formed(drawn):
    segment, day = drawn
    found = session(segment, day)
    assert (found is not None) == is_session(segment, day)
    assume(found is not None)
    assert (found.segment, found.day) == (segment, day)
    assert found.kind in {"full", "muhurat", "special", "evening", "morning", "unknown_hours"}
    assert found.source
    assert found.confidence in set("DLMSCU")
    assert list(found.phases) == sorted(found.phases, key=lambda phase: phase.opens)
    for phase in found.phases:
        assert phase.opens < phase.closes
        assert phase.opens.date() == phase.closes.date() == day
        assert phase.opens.tzinfo is IST
    if found.opens is None:
        assert found.closes is None
        assert found.phases == ()
    else:
        assert found.opens < found.closes <= found.final_at
        closes = {found.closes_for(has_derivatives=flag) for flag in (True, False)}
        assert max(closes) == found.closes


@given(moments())
def test_open_means_inside_the_hours_of_the_session(drawn):
    segment, moment = drawn
    found = session(segment, moment.date())
    if is_open(segment, moment):
        assert found is not None
        assert found.opens <= moment < found.final_at
        assert latest_session(segment, moment) == found
        assert last_final_session(segment, moment).day < found.day
    elif found is not None and len(found.trading_phases) == 1:
        assert not found.opens <= moment < found.closes


@given(moments())
def test_next_open_is_later_and_nothing_opens_before_it(drawn):
    segment, moment = drawn
    opening = next_open(segment, moment)
    assert opening > moment
    assert is_open(segment, opening)
    assert not is_open(segment, opening - timedelta(microseconds=1))
    days_between = sessions(segment, moment.date(), opening.date())
    starts = [
        phase.opens
        for day in days_between
        for phase in session(segment, day).phases
        if phase.name == "continuous" and phase.opens > moment
    ]
    assert min(starts) == opening


@given(moments(), st.timedeltas(timedelta(0), timedelta(days=5)))
def test_the_latest_and_the_final_session_never_go_back(drawn, later):
    segment, moment = drawn
    first = latest_session(segment, moment).day, last_final_session(segment, moment).day
    then = (
        latest_session(segment, moment + later).day,
        last_final_session(segment, moment + later).day,
    )
    assert first <= then
    assert first[1] <= first[0]
    assert first[1] <= then[1]


@given(moments(), ZONES)
def test_the_zone_of_the_question_does_not_matter(drawn, zone):
    segment, moment = drawn
    elsewhere = moment.astimezone(zone)
    assert is_open(segment, elsewhere) == is_open(segment, moment)
    assert next_open(segment, elsewhere) == next_open(segment, moment)
    assert latest_session(segment, elsewhere) == latest_session(segment, moment)
    assert last_final_session(segment, elsewhere) == last_final_session(segment, moment)


@given(st.dates(date(2024, 1, 1), date(2026, 12, 31)))
def test_derivatives_trade_whenever_shares_do(day):
    assert is_session(Segment.EQUITY, day) == is_session(Segment.FNO, day)


@given(st.dates(date(2024, 1, 1), date(2026, 12, 31)))
def test_noon_on_a_full_day_is_open(day):
    found = session(Segment.EQUITY, day)
    assume(found is not None and found.kind == "full")
    assert is_open(Segment.EQUITY, datetime.combine(day, time(12), IST))
