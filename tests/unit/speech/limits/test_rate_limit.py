"""The quota that is this worker's: smooth, dialogue first, shared over the fleet, never more than Google gives."""

from __future__ import annotations

import heapq
import random
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.emulator.quota import Quota as Emulated
from schemas.enums import Lane
from tests.unit.makers import CHIRP, WAVENET
from worker.speech.limits.rate_limit import RateLimit, RateLimitRules, RateLimits

BATCH, DIALOGUE = Lane.BATCH, Lane.DIALOGUE


def limit_of(per_minute: int, share: float = 1.0, reserve: float = 0.1) -> RateLimit:
    limit = RateLimit(per_minute, reserve)
    limit.set_share(share, 0.0)
    return limit


def made(limit: RateLimit, lane: Lane, start: float, end: float) -> int:
    """How many requests a lane makes that always has more."""
    now, count = start, 0
    while now < end:
        if lane is DIALOGUE:
            limit.note_demand(lane, now)
        wait = limit.wait_s(lane, now)
        if wait > 0:
            now += min(max(wait, 0.001), 1.0)
            continue
        limit.take(lane, now)
        count += 1
    return count


class Fleet:
    """Workers with a backlog of batch jobs each, in front of the emulator's quota; times are virtual."""

    def __init__(self, per_minute: int, seed: int = 1) -> None:
        self.per_minute = per_minute
        self.limits: list[RateLimit] = []
        self.google = Emulated()
        self.random = random.Random(seed)
        self.now = 0.0
        self.arrivals: list[float] = []
        self.refused = 0

    def share(self, *shares: float) -> None:
        self.limits += [RateLimit(self.per_minute, 0.1) for _ in range(len(shares) - len(self.limits))]
        for limit, share in zip(self.limits, shares, strict=True):
            limit.set_share(share, self.now)

    def run(self, seconds: float, way_s: float = 0.05) -> None:
        """Calls take up to `way_s` to Google, each its own time."""
        end = self.now + seconds
        under_way: list[tuple[float, int]] = []
        turns = [(self.now, number) for number in range(len(self.limits))]
        heapq.heapify(turns)
        while turns[0][0] < end:
            self.now, number = heapq.heappop(turns)
            limit = self.limits[number]
            wait = limit.wait_s(BATCH, self.now)
            if wait <= 0:
                limit.take(BATCH, self.now)
                heapq.heappush(under_way, (self.now + self.random.uniform(0, way_s), number))
            heapq.heappush(turns, (self.now + min(max(wait, 0.001), 1.0), number))
            while under_way and under_way[0][0] <= self.now:
                self._arrive(*heapq.heappop(under_way))
        for arrival in sorted(under_way):
            self._arrive(*arrival)
        self.now = end

    def _arrive(self, at: float, number: int) -> None:
        if self.google.take("chirp3-hd", at, {"chirp3-hd": self.per_minute}, 60.0) is None:
            self.arrivals.append(at)
        else:
            self.refused += 1
            self.limits[number].record_refusal(at, at)

    def used(self, start: float, end: float) -> float:
        """The share of the quota that was used in a time."""
        return sum(start <= at < end for at in self.arrivals) / (self.per_minute * (end - start) / 60)


@pytest.mark.parametrize("per_minute", [200, 1000])
@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_a_fleet_uses_all_but_a_little_and_google_refuses_nothing(per_minute: int, workers: int) -> None:
    fleet = Fleet(per_minute)
    fleet.share(*[1 / workers] * workers)
    fleet.run(300)
    assert fleet.refused == 0
    # Five shares of 200 are no whole numbers of requests.
    assert fleet.used(60, 300) >= (0.97 if workers == 5 else 0.98)


@pytest.mark.parametrize("per_minute", [200, 1000])
def test_over_a_rebalance_too(per_minute: int) -> None:
    fleet = Fleet(per_minute)
    fleet.share(1 / 2, 1 / 2)
    fleet.run(150)
    fleet.share(1 / 3, 1 / 3, 1 / 3)
    fleet.run(150)
    fleet.share(1 / 2, 1 / 2, 0)
    fleet.run(150)
    assert fleet.refused == 0
    for start in range(60, 450, 30):
        assert fleet.used(start, start + 30) >= 0.93, start
    assert fleet.used(60, 450) >= 0.98


@settings(max_examples=25, deadline=None)
@given(
    per_minute=st.integers(30, 1000),
    shares=st.lists(st.lists(st.integers(0, 12), min_size=4, max_size=4), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
def test_no_order_of_shares_asks_for_more_than_the_quota(per_minute: int, shares: list[list[int]], seed: int) -> None:
    fleet = Fleet(per_minute, seed)
    for each in shares:
        partitions = sum(each)
        if partitions:
            fleet.share(*[held / partitions for held in each])
            fleet.run(90)
    # A share that is new to a worker leaves it a little to begin with, so that a fresh one answers at once.
    assert fleet.refused <= 0.005 * len(fleet.arrivals) + 0.03 * per_minute * len(shares)


def test_a_fresh_worker_answers_the_first_dialogue_at_once_and_the_rest_of_a_minute_as_it_comes() -> None:
    limit = limit_of(200)
    assert made(limit, DIALOGUE, 0.0, 0.1) == 6
    assert made(limit, DIALOGUE, 0.1, 60.0) == pytest.approx(195, abs=5)


def test_dialogue_bursts_as_far_as_the_minute_has_room_and_batch_is_smooth() -> None:
    limit = limit_of(200)
    assert made(limit, DIALOGUE, 100.0, 100.2) == 198
    batch = limit_of(200)
    assert made(batch, BATCH, 100.0, 100.2) == 3
    assert made(batch, BATCH, 100.2, 110.0) == pytest.approx(33, abs=2)


def test_while_dialogue_comes_batch_leaves_free_what_it_asked_for_lately_and_else_takes_all() -> None:
    limit = limit_of(200)
    made(limit, BATCH, 0.0, 120.0)
    assert limit.wait_s(DIALOGUE, 120.0) > 0, "batch alone takes all"
    for _ in range(4):
        limit.note_demand(DIALOGUE, 120.0)
    made(limit, BATCH, 120.0, 125.0)
    assert made(limit, DIALOGUE, 125.0, 125.01) == 4
    made(limit, BATCH, 125.01, 500.0)
    assert limit.wait_s(DIALOGUE, 500.0) == 0 < limit.wait_s(DIALOGUE, 500.0, ahead=1), "one for the next line"
    made(limit, BATCH, 500.0, 800.0)
    assert limit.wait_s(DIALOGUE, 800.0) > 0, "none has come for ten minutes"


def test_the_reserve_is_the_most_that_batch_leaves_free_and_none_is_none() -> None:
    for reserve, free in ((0.05, 10), (0.0, 0)):
        limit = limit_of(200, reserve=reserve)
        made(limit, BATCH, 0.0, 120.0)
        for _ in range(50):
            limit.note_demand(DIALOGUE, 120.0)
        made(limit, BATCH, 120.0, 125.0)
        assert sum(limit.wait_s(DIALOGUE, 125.0, ahead) == 0 for ahead in range(50)) == free


@pytest.mark.parametrize(("per_minute", "dialogue"), [(200, 20), (200, 60), (1000, 100), (1000, 400)])
def test_with_dialogue_on_three_workers_nearly_all_of_it_is_served_and_batch_takes_what_is_left(
    per_minute: int, dialogue: int
) -> None:
    rng = random.Random(3)
    limits = [limit_of(per_minute, share=1 / 3) for _ in range(3)]
    next_at, requested, refused, taken = 0.0, 0, 0, 0
    for now in (number / 100 for number in range(30_000)):
        while now >= next_at:
            next_at += rng.expovariate(dialogue / 60)
            limit = rng.choice(limits)
            limit.note_demand(DIALOGUE, now)
            requested += 1
            if (wait := limit.wait_s(DIALOGUE, now)) <= 0.25:
                limit.take(DIALOGUE, now + wait)
                taken += now >= 60
            else:
                refused += 1
        for limit in limits:
            if limit.wait_s(BATCH, now) <= 0:
                limit.take(BATCH, now)
                taken += now >= 60
    assert refused <= 0.04 * requested
    assert taken >= 0.94 * per_minute * 4


def test_a_limit_so_small_that_no_share_of_it_is_a_whole_request_lets_one_through_all_the_same() -> None:
    limit = limit_of(1, share=0.25)
    assert 2 <= made(limit, BATCH, 0.0, 1200.0) <= 6


def test_without_a_share_nothing_may_be_asked_and_without_a_limit_everything() -> None:
    none = RateLimit(200, 0.1)
    assert (none.wait_s(BATCH, 0.0), none.wait_s(DIALOGUE, 0.0), none.in_force(0.0)) == (inf, inf, 0.0)
    unlimited = limit_of(0)
    assert all(unlimited.wait_s(lane, 0.0, 1000) == 0 for lane in Lane)
    assert unlimited.in_force(0.0) == inf


def test_a_refusal_by_google_pauses_lowers_the_limit_and_is_forgotten_by_itself() -> None:
    limit = limit_of(200)
    before = limit.in_force(100.0)
    assert limit.record_refusal(99.0, 100.0)
    assert not limit.record_refusal(99.5, 102.0), "it was under way"
    assert (limit.wait_s(BATCH, 100.0), limit.wait_s(DIALOGUE, 100.0)) == (1.0, 0.0)
    assert limit.in_force(100.0) == pytest.approx(0.9 * before)
    assert limit.in_force(130.0) == pytest.approx(0.95 * before)
    assert limit.in_force(160.0) == pytest.approx(before)


def test_pauses_double_while_google_refuses_and_begin_anew_once_it_does_not() -> None:
    limit = limit_of(0)
    now, pauses = 100.0, []
    for _ in range(8):
        asked_at, now = now, now + 3.0
        assert limit.record_refusal(asked_at, now)
        pauses.append(limit.wait_s(BATCH, now))
        now += pauses[-1] + 0.1
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 32, 32, 32])
    now += 60
    assert limit.record_refusal(now, now)
    assert limit.wait_s(BATCH, now) == pytest.approx(1)


def test_however_often_google_refuses_a_tenth_is_left() -> None:
    limit = limit_of(200)
    now = 100.0
    for _ in range(60):
        limit.record_refusal(now, now)
        now += limit.wait_s(BATCH, now)
    assert limit.in_force(now) >= 0.1 * 198


def test_half_of_the_quota_used_by_another_is_found_and_most_of_the_rest_used() -> None:
    fleet = Fleet(400)
    fleet.share(0.5, 0.5)
    # The emulator's limit is what the other leaves.
    fleet.per_minute = 200
    fleet.run(600)
    assert fleet.used(240, 600) >= 0.8
    assert fleet.refused / len(fleet.arrivals) < 0.06


def test_a_request_takes_from_its_voice_models_limit_and_from_the_one_for_all() -> None:
    quota = RateLimits(RateLimitRules({CHIRP: 100, WAVENET: 100}, 150, 0.0))
    quota.set_share(1.0, 0.0)

    def spend(voice_model: object) -> int:
        count = 0
        while quota.wait_s(voice_model, DIALOGUE, 100.0) == 0:  # type: ignore[arg-type]
            quota.take(voice_model, DIALOGUE, 100.0)  # type: ignore[arg-type]
            count += 1
        return count

    assert (spend(CHIRP), spend(WAVENET)) == (99, 49)
    quota.give_back(CHIRP, DIALOGUE, 100.0)
    assert (spend(WAVENET), spend(CHIRP)) == (1, 0)
    assert quota.record_refusal(CHIRP, 200.0, 200.0)
    assert (quota.wait_s(CHIRP, BATCH, 200.0), quota.wait_s(WAVENET, BATCH, 200.0)) == (1.0, 0.0)
