"""Change freezes: whether one is active now, by its cron expression, time zone and duration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.rollout.plan.freeze import active_freeze
from worker.rollout.plan.settings import Freeze

BERLIN = ZoneInfo("Europe/Berlin")
WEEKEND = Freeze(cron="0 16 * * FRI", lasts="64h", time_zone="Europe/Berlin", why="the weekend")
NIGHT = Freeze(cron="0 22 * * *", lasts="8h", why="the night")


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("now", "is_frozen"),
    [
        ("2026-01-30 15:59:59", False),
        ("2026-01-30 16:00:00", True),
        ("2026-01-31 12:00:00", True),
        ("2026-02-02 07:59:59", True),
        ("2026-02-02 08:00:00", False),
        ("2026-02-04 16:00:00", False),
    ],
)
def test_a_freeze_is_active_from_its_first_second_until_before_its_end(now: str, is_frozen: bool) -> None:
    assert (active_freeze([WEEKEND], berlin(now)) is not None) is is_frozen


def test_an_active_freeze_names_its_reason_and_end_in_its_own_time_zone() -> None:
    said = active_freeze([WEEKEND], datetime(2026, 1, 31, 12, 0, tzinfo=UTC))
    assert said == "frozen for the weekend: since Fri 16:00 for 64h, until 2026-02-02 08:00 Europe/Berlin"


def test_any_of_several_freezes_may_be_active_and_without_freezes_none_is() -> None:
    night = datetime(2026, 2, 4, 23, 0, tzinfo=UTC)
    assert active_freeze([], night) is None
    assert active_freeze([WEEKEND], night) is None
    said = active_freeze([WEEKEND, NIGHT], night)
    assert said is not None
    assert "the night" in said


@pytest.mark.parametrize(
    ("friday", "until"),
    [("2026-03-27", "2026-03-30 09:00"), ("2026-10-23", "2026-10-26 07:00")],
)
def test_a_freeze_lasts_elapsed_hours_over_a_change_of_daylight_saving_time(friday: str, until: str) -> None:
    began = berlin(f"{friday} 16:00")
    said = active_freeze([WEEKEND], began)
    assert said is not None
    assert said.endswith(f"until {until} Europe/Berlin")
    end = began.astimezone(UTC) + timedelta(hours=64)
    assert active_freeze([WEEKEND], end - timedelta(seconds=1)) is not None
    assert active_freeze([WEEKEND], end) is None


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    hour=st.integers(0, 23),
    lasts=st.integers(1, 30),
)
def test_a_daily_freeze_is_active_for_exactly_its_duration(now: datetime, hour: int, lasts: int) -> None:
    window = Freeze(cron=f"0 {hour} * * *", lasts=f"{lasts}h", why="a test")
    began = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    began = began if began <= now else began - timedelta(days=1)
    assert (active_freeze([window], now) is not None) is (now < began + timedelta(hours=lasts))
