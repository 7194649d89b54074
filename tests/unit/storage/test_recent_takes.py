"""A worker remembers the takes that it has lately seen in the store, as many and for as long as it may."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import AudioEncoding
from tests.unit.makers import CHIRP, WAVENET
from tests.unit.world import World, spoke
from worker.storage.recent_takes import RecentTakes
from worker.storage.takes import StoredTake


def take(key: str, sha256: str = "ff") -> StoredTake:
    return StoredTake(key, 7, sha256, 1.0, AudioEncoding.OGG_OPUS, 24000, "v")


def test_a_take_that_was_seen_is_known_until_its_time_is_over() -> None:
    known = RecentTakes(10, 600.0)
    known.add(take("a"), 100.0)
    assert known.find("a", 699.9) == take("a")
    assert known.find("a", 700.0) is None
    assert known.find("a", 100.0) is None, "it is forgotten"


def test_being_asked_for_makes_no_take_known_for_longer() -> None:
    known = RecentTakes(10, 600.0)
    known.add(take("a"), 0.0)
    assert known.find("a", 599.0) is not None
    assert known.find("a", 601.0) is None


def test_the_least_recently_used_is_forgotten_first() -> None:
    known = RecentTakes(2, 600.0)
    known.add(take("a"), 0.0)
    known.add(take("b"), 1.0)
    known.find("a", 2.0)
    known.add(take("c"), 3.0)
    assert [known.find(key, 4.0) is not None for key in "abc"] == [True, False, True]


def test_a_memory_of_no_size_knows_nothing() -> None:
    known = RecentTakes(0, 600.0)
    known.add(take("a"), 0.0)
    assert known.find("a", 0.0) is None


@given(
    st.integers(0, 5),
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans(), st.floats(0, 3)), max_size=60),
)
def test_it_never_knows_more_than_it_may_nor_what_it_was_not_told_lately(
    size: int, steps: list[tuple[str, bool, float]]
) -> None:
    known, now = RecentTakes(size, 5.0), 0.0
    seen: dict[str, tuple[StoredTake, float]] = {}
    for number, (key, reported, passes) in enumerate(steps):
        now += passes
        if reported:
            known.add(take(key, str(number)), now)
            seen[key] = (take(key, str(number)), now)
        elif (found := known.find(key, now)) is not None:
            assert (found, True) == (seen[key][0], now - seen[key][1] < 5.0)
    assert sum(known.find(key, now) is not None for key in "abcdefgh") <= size


async def test_a_take_that_the_worker_made_or_found_is_not_asked_for_again() -> None:
    world = World()
    spoke(await world.run())
    assert spoke(await world.run()).audio.cached
    assert world.shelf.tries == ["look_up", "store"]
    assert world.count("tts_cache_requests_total", result="hit") == 1
    stranger = World()
    stranger.shelf.takes = world.shelf.takes
    for _ in range(3):
        assert spoke(await stranger.run()).audio.cached
    assert stranger.shelf.tries == ["look_up"]
    assert stranger.google.calls == []


async def test_after_its_time_a_take_is_looked_up_again_and_made_anew_where_it_is_gone() -> None:
    world = World()
    spoke(await world.run())
    world.shelf.takes.clear()
    assert spoke(await world.run()).audio.cached
    world.seconds += 600
    assert not spoke(await world.run()).audio.cached
    assert world.google.calls == [CHIRP, CHIRP]


async def test_a_known_wavenet_take_answers_a_fallback_without_a_call_or_a_request() -> None:
    world = World()
    world.google.fails[CHIRP] = ["DEADLINE_EXCEEDED"] * 2
    spoke(await world.run())
    world.shelf.tries.clear()
    completion = spoke(await world.run())
    assert (completion.fallback, completion.audio.cached, completion.voice_model) == (True, True, WAVENET)
    # Chirp's take alone: it is still to be made.
    assert world.shelf.tries == ["look_up"]
    assert world.google.calls == [CHIRP, WAVENET, CHIRP]
    assert world.counted() == {"chirp3-hd error": 2, "wavenet success": 1, "fallback": 2}
    assert world.count("tts_cache_requests_total", voice_model=WAVENET, result="hit") == 1
