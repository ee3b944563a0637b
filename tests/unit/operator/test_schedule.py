"""When schedules fire: the most recent missed time, deadlines, and clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tradeplane_api.strategy import Schedule
from tradeplane_operator.planning.schedule import ScheduleError, check_schedule, firing, next_time


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_a_schedule_not_seen_before_asks_for_nothing_in_the_past() -> None:
    state = firing(Schedule(cron="0 * * * *"), None, _at("2026-03-01T12:30:00Z"))
    assert state.due is None
    assert state.next == _at("2026-03-01T13:00:00Z")


def test_of_several_missed_times_the_last_is_due() -> None:
    state = firing(Schedule(cron="0 * * * *"), _at("2026-03-01T09:00:00Z"), _at("2026-03-01T12:30:00Z"))
    assert state.due == _at("2026-03-01T12:00:00Z")
    assert state.next == _at("2026-03-01T13:00:00Z")


def test_a_time_is_due_in_the_second_it_names() -> None:
    noon = _at("2026-03-01T12:00:00Z")
    assert firing(Schedule(cron="0 12 * * *"), noon, noon).due == noon


def test_past_its_deadline_a_time_is_given_up() -> None:
    schedule = Schedule(cron="0 12 * * *", starting_deadline_seconds=60)
    state = firing(schedule, _at("2026-03-01T12:00:00Z"), _at("2026-03-01T12:02:00Z"))
    assert state.due is None
    assert state.missed == _at("2026-03-01T12:00:00Z")


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        # New York, spring: 02:30 does not exist on 8 March 2026; it fires at the change.
        ("30 2 * * *", "2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z"),
        # Autumn: 01:30 occurs twice on 1 November 2026, and fires at the first.
        ("30 1 * * *", "2026-11-01T00:00:00Z", "2026-11-01T05:30:00Z"),
        ("30 1 * * *", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"),
        # Every hour is every real hour.
        ("0 * * * *", "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z"),
    ],
)
def test_changes_of_clocks(cron: str, after: str, expected: str) -> None:
    assert next_time(Schedule(cron=cron, time_zone="America/New_York"), _at(after)) == _at(expected)


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("every day", "Etc/UTC", "spec.schedule.cron"),
        ("61 * * * *", "Etc/UTC", "spec.schedule.cron"),
        ("0 0 30 2 *", "Etc/UTC", "spec.schedule.cron"),
        ("0 0 * * *", "Mars/Olympus", "spec.schedule.timeZone"),
        ("0 0 * * *", "../../etc/passwd", "spec.schedule.timeZone"),
    ],
)
def test_what_is_no_schedule_is_refused_by_field(cron: str, zone: str, said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        check_schedule(Schedule.model_construct(cron=cron, time_zone=zone))


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    late=st.integers(0, 100_000),
)
def test_what_is_due_lies_between_what_was_expected_and_now(now: datetime, late: int) -> None:
    schedule = Schedule(cron="*/7 3-20 * * *", time_zone="Europe/Zurich")
    expected = next_time(schedule, now - timedelta(seconds=late))
    state = firing(schedule, expected, now)
    assert state.next > now
    assert (state.due is not None) == (expected <= now)
    if state.due is not None:
        assert expected <= state.due <= now
        assert next_time(schedule, state.due) == state.next
