"""Each rule of the rate limit with counts and times at, just below and just above its limit."""

from __future__ import annotations

from math import inf

import pytest

from schemas.enums import Lane
from tests.unit.makers import CHIRP, WAVENET
from worker.speech.limits.rate_limit import RateLimit, RateLimitRules, RateLimits

BATCH, DIALOGUE = Lane.BATCH, Lane.DIALOGUE


def fresh_limit(per_minute: int = 100, share: float = 1.0, reserve: float = 0.1) -> RateLimit:
    """A limit whose share was set so long ago that the window is empty at 1,000 s."""
    limit = RateLimit(per_minute, reserve)
    limit.set_share(share, 0.0)
    return limit


def burst(limit: RateLimit, lane: Lane = DIALOGUE, now: float = 1000.0) -> int:
    """How many requests a lane may make at once."""
    count = 0
    while limit.wait_s(lane, now) == 0:
        limit.take(lane, now)
        count += 1
    return count


# 99 % of the limit, rounded down, but for the last quarter of a request.
@pytest.mark.parametrize(("per_minute", "count"), [(24, 24), (25, 25), (26, 25), (27, 26), (100, 99), (1000, 990)])
def test_dialogue_may_use_the_whole_limit_at_once(per_minute: int, count: int) -> None:
    assert burst(fresh_limit(per_minute)) == count


@pytest.mark.parametrize(("ahead", "may"), [(97, True), (98, True), (99, False)])
def test_requests_ahead_count_as_made(ahead: int, *, may: bool) -> None:
    assert (fresh_limit().wait_s(DIALOGUE, 1000.0, ahead) == 0) is may


def test_a_limit_below_one_request_a_minute_allows_one_and_then_none_for_a_minute() -> None:
    limit = fresh_limit(1)
    assert burst(limit) == 1
    grain_s = 60.25 / 1000
    assert 60.25 <= limit.wait_s(DIALOGUE, 1000.0) <= 60.25 + grain_s


def test_a_share_that_grows_is_filled_as_if_others_had_used_most_of_it() -> None:
    limit = fresh_limit()
    limit.set_share(0.5, 1000.0)
    limit.set_share(1.0, 1000.0)
    # 49.5 more, of which 97 % count as used: 48.015. Up to 98.25 may be used before the last request.
    assert burst(limit) == 51
    limit = RateLimit(100, 0.1)
    limit.set_share(1.0, 1000.0)
    assert burst(limit) == 3


def test_a_share_that_shrinks_takes_its_part_of_what_was_used_along() -> None:
    limit = fresh_limit()
    for _ in range(40):
        limit.take(DIALOGUE, 1000.0)
    limit.set_share(0.5, 1000.0)
    assert burst(limit) == 29, "20 of 49.5 are used"


def test_the_same_share_again_changes_nothing() -> None:
    limit = fresh_limit()
    limit.set_share(1.0, 1000.0)
    assert burst(limit) == 99


@pytest.mark.parametrize(("now", "free"), [(1000.0, 3), (1061.9, 3), (1062.0, 1), (1600.0, 1), (1600.1, 0)])
def test_batch_leaves_free_what_dialogue_wanted_for_a_minute_then_one_for_ten_minutes(now: float, free: int) -> None:
    limit = fresh_limit()
    for _ in range(3):
        limit.note_demand(DIALOGUE, 1000.0)
    made = burst(limit, DIALOGUE, now)
    limit.give_back(DIALOGUE, now)
    for number in range(4):
        # One more request at a time is given back.
        assert (limit.wait_s(BATCH, now) == 0) is (number >= free)
        limit.give_back(DIALOGUE, now)
    assert made == 99


# The reserve of 0.1 is 9.9 requests, and a reserve below one request is one.
@pytest.mark.parametrize(
    ("reserve", "wanted", "free"),
    [(0.1, 9, 9), (0.1, 10, 9.9), (0.1, 50, 9.9), (0.001, 1, 1), (0.001, 5, 1), (0.0, 5, 0)],
)
def test_batch_leaves_free_at_most_the_reserve_and_at_least_one_request(
    reserve: float, wanted: int, free: float
) -> None:
    limit = fresh_limit(reserve=reserve)
    for _ in range(wanted):
        limit.note_demand(DIALOGUE, 1000.0)
    allowed = [ahead for ahead in range(120) if limit.wait_s(BATCH, 1000.0, ahead) == 0]
    assert allowed[-1] == int(99 - free + 0.25 - 1)


def test_what_batch_wants_is_kept_free_for_nobody() -> None:
    limit = fresh_limit()
    for _ in range(5):
        limit.note_demand(BATCH, 1000.0)
    assert limit.wait_s(BATCH, 1000.0, 98) == 0


@pytest.mark.parametrize(
    ("first", "second", "free"), [(1000.0, 1001.9, 5), (1000.0, 1002.0, 3), (1002.0, 1003.9, 5), (1002.0, 1004.0, 3)]
)
def test_the_busiest_two_seconds_of_dialogue_are_kept_free(first: float, second: float, free: int) -> None:
    limit = fresh_limit()
    for at in (first, first, first, second, second):
        limit.note_demand(DIALOGUE, at)
    assert limit.wait_s(BATCH, second, 98 - free) == 0 < limit.wait_s(BATCH, second, 99 - free)


INTERVAL_S = 60 / (1.02 * 99)
"""Between two requests of batch, 2 % faster than the limit."""


@pytest.mark.parametrize("count", [1, 2, 3])
def test_batch_is_paced_with_half_a_second_at_once(count: int) -> None:
    limit = fresh_limit()
    for _ in range(count):
        limit.take(BATCH, 1000.0)
    assert limit.wait_s(BATCH, 1000.0) == pytest.approx(max(0.0, count * INTERVAL_S - 0.5))
    due = 1000.0 + count * INTERVAL_S - 0.5
    assert limit.wait_s(BATCH, due - 0.001) > 0 == limit.wait_s(BATCH, due + 0.001)
    assert limit.wait_s(DIALOGUE, 1000.0) == 0


def test_the_pace_begins_anew_after_a_time_without_batch() -> None:
    limit = fresh_limit()
    limit.take(BATCH, 1000.0)
    limit.take(BATCH, 1100.0)
    assert limit.wait_s(BATCH, 1100.0) == pytest.approx(INTERVAL_S - 0.5)


def test_dialogue_does_not_slow_the_pace_of_batch() -> None:
    limit = fresh_limit()
    for _ in range(5):
        limit.take(DIALOGUE, 1000.0)
    assert limit.wait_s(BATCH, 1000.0) == 0


def test_a_batch_request_that_is_given_back_may_be_made_at_once_and_one_of_dialogue_changes_no_pace() -> None:
    limit = fresh_limit()
    for _ in range(3):
        limit.take(BATCH, 1000.0)
    limit.give_back(DIALOGUE, 1000.0)
    assert limit.wait_s(BATCH, 1000.0) > 0
    limit.give_back(BATCH, 1000.0)
    assert limit.wait_s(BATCH, 1000.0) == 0


def test_a_request_that_is_given_back_late_delays_no_other() -> None:
    limit = fresh_limit()
    limit.take(BATCH, 1000.0)
    limit.give_back(BATCH, 1100.0)
    limit.take(BATCH, 1100.0)
    assert limit.wait_s(BATCH, 1100.0) == pytest.approx(INTERVAL_S - 0.5)


@pytest.mark.parametrize(
    ("requested_at", "pause_s"), [(100.9, None), (101.0, 2.0), (102.0, 2.0), (102.1, 1.0), (500.0, 1.0)]
)
def test_a_pause_doubles_if_google_refuses_again_within_a_pause_of_its_end(
    requested_at: float, pause_s: float | None
) -> None:
    limit = fresh_limit(0)
    assert limit.record_refusal(100.0, 100.0)
    now = max(requested_at, 101.0)
    assert limit.record_refusal(requested_at, now) is (pause_s is not None)
    assert limit.wait_s(BATCH, now) == pytest.approx(pause_s or 0.0)
    assert limit.wait_s(DIALOGUE, now) == 0


def test_a_pause_is_never_longer_than_32_seconds() -> None:
    limit, now, pauses = fresh_limit(), 1000.0, []
    for _ in range(7):
        limit.record_refusal(now, now)
        pauses.append(limit.wait_s(BATCH, now))
        now += pauses[-1]
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 32, 32])


@pytest.mark.parametrize(("after_s", "share"), [(0.0, 0.9), (6.0, 0.91), (54.0, 0.99), (60.0, 1.0), (66.0, 1.0)])
def test_after_a_refusal_nine_tenths_of_the_limit_are_left_and_a_minute_brings_the_rest_back(
    after_s: float, share: float
) -> None:
    limit = fresh_limit()
    limit.record_refusal(1000.0, 1000.0)
    assert limit.in_force(1000.0 + after_s) == pytest.approx(99 * share)


def test_refusals_add_up_and_what_came_back_meanwhile_counts() -> None:
    limit = fresh_limit()
    limit.record_refusal(1000.0, 1000.0)
    limit.record_refusal(1006.0, 1006.0)
    assert limit.in_force(1006.0) == pytest.approx(99 * 0.91 * 0.9)
    limit.record_refusal(2000.0, 2000.0)
    assert limit.in_force(2000.0) == pytest.approx(99 * 0.9), "never more than the whole limit"


def test_a_tenth_of_the_limit_is_always_left() -> None:
    limit, now = fresh_limit(), 1000.0
    for _ in range(60):
        # So long after the pause of one second that the next one is as short.
        now += 2.01
        limit.record_refusal(now, now)
    assert limit.in_force(now) == pytest.approx(9.9)


def test_without_a_limit_only_googles_refusals_hold_batch_up() -> None:
    limit = fresh_limit(0)
    for lane in Lane:
        for _ in range(5000):
            limit.note_demand(lane, 1000.0)
            limit.take(lane, 1000.0)
        limit.give_back(lane, 1000.0)
    assert (limit.wait_s(BATCH, 1000.0, 999), limit.wait_s(DIALOGUE, 1000.0, 999)) == (0.0, 0.0)
    assert limit.in_force(1000.0) == inf


@pytest.mark.parametrize(("chirp", "total", "count"), [(100, 50, 49), (50, 100, 49), (0, 50, 49), (50, 0, 49)])
def test_the_lower_of_a_voice_models_limit_and_the_total_counts(chirp: int, total: int, count: int) -> None:
    limits = RateLimits(RateLimitRules({CHIRP: chirp}, total, 0.1))
    limits.set_share(1.0, 0.0)
    made = 0
    while limits.wait_s(CHIRP, DIALOGUE, 1000.0) == 0:
        limits.take(CHIRP, DIALOGUE, 1000.0)
        made += 1
    assert made == count
    limits.give_back(CHIRP, DIALOGUE, 1000.0)
    assert limits.wait_s(CHIRP, DIALOGUE, 1000.0) == 0 < limits.wait_s(CHIRP, DIALOGUE, 1000.0, ahead=1)


def test_dialogue_is_kept_free_in_the_voice_models_limit_and_in_the_total() -> None:
    limits = RateLimits(RateLimitRules({CHIRP: 100}, 200, 0.1))
    limits.set_share(1.0, 0.0)
    for _ in range(3):
        limits.note_demand(CHIRP, DIALOGUE, 1000.0)
    assert limits.wait_s(CHIRP, BATCH, 1000.0, 95) == 0 < limits.wait_s(CHIRP, BATCH, 1000.0, 96)
    assert limits.wait_s(WAVENET, BATCH, 1000.0, 194) == 0 < limits.wait_s(WAVENET, BATCH, 1000.0, 195)
