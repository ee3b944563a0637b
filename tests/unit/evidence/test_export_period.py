"""The days of an export: both included, in UTC, and nothing of the day after."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.export.period import Period, read_period
from tradeplane_evidence.statements.provenance import Provenance
from tradeplane_evidence.verification.policy import made_at

QUARTER = read_period("2026-01-01", "2026-03-31")


@pytest.mark.parametrize(
    ("moment", "included"),
    [
        ("2025-12-31T23:59:59.999999+00:00", False),
        ("2026-01-01T00:00:00+00:00", True),
        ("2026-03-31T23:59:59.999999+00:00", True),
        ("2026-04-01T00:00:00+00:00", False),
        ("2026-01-01T00:30:00+01:00", False),  # still the old year in UTC
        ("2026-03-31T22:00:00-05:00", False),  # April already
        ("2026-04-01T01:59:59+02:00", True),
    ],
)
def test_edges(moment: str, included: bool) -> None:
    assert QUARTER.includes(datetime.fromisoformat(moment)) is included


def test_one_day_is_a_period() -> None:
    day = read_period("2024-02-29", "2024-02-29")
    assert day.includes(datetime(2024, 2, 29, 12, tzinfo=UTC))
    assert not day.includes(datetime(2024, 3, 1, tzinfo=UTC))


@given(
    st.datetimes(min_value=datetime(2000, 1, 2), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(-14 * 60, 14 * 60),
    st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 1, 1)),
    st.integers(0, 400),
)
def test_the_same_moment_is_of_it_in_every_zone(moment: datetime, minutes: int, first: date, days: int) -> None:
    period = Period(first, first + timedelta(days=days))
    there = moment.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=minutes)))
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    assert period.includes(there) is (begin <= moment.replace(tzinfo=UTC) < begin + timedelta(days=days + 1))


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"])
def test_a_finish_that_is_of_no_year_in_utc_is_refused(text: str) -> None:
    details = {"builder": {"id": "b"}, "metadata": {"finishedOn": text}}
    definition = {"buildType": "t", "externalParameters": {}}
    provenance = Provenance.model_validate({"buildDefinition": definition, "runDetails": details})
    with pytest.raises(Malformed, match="is of no year in UTC"):
        made_at(provenance)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2026-01-01", "2025-12-31", "ends .* before it begins"),
        ("2026-02-30", "2026-03-01", "no day of the calendar"),
        ("2026-1-1", "2026-03-01", "write a day in UTC as 2026-03-31"),
        ("2026-01-01T00:00:00Z", "2026-03-01", "the first day is '2026-01-01T00:00:00Z'"),
        ("2026-01-01", "", "the last day is ''"),
        ("20260101", "2026-03-01", "write a day"),
        ("\u0662\u0660\u0662\u0666-01-01", "2026-03-01", "write a day"),
        ("9" * 10_000, "2026-03-01", "write a day"),
    ],
)
def test_what_is_no_period_is_refused(first: str, last: str, words: str) -> None:
    with pytest.raises(Malformed, match=words) as refused:
        read_period(first, last)
    assert len(str(refused.value)) < 300
