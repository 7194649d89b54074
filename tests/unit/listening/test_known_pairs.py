"""The pairs of the topic, and which of them can be heard."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.opinions import pair
from worker.listening.known_pairs import KnownPairs, ReadyTakes
from worker.storage.errors import StorageUnavailableError


class Record:
    def __init__(self, key: str, value: bytes | None) -> None:
        self.key, self.value = key.encode(), value


def test_the_last_record_of_a_key_counts_and_one_without_a_value_takes_the_pair_away() -> None:
    known = KnownPairs()
    for number, text in ((1, "One."), (2, "Two."), (1, "One, anew.")):
        found: Any = Record(f"pair-{number}", pair(number, text=text).model_dump_json().encode())
        known.observe(found)
    wrong: Any = Record("x", b"{}")
    known.observe(wrong)
    assert [each.text for each in known.all()] == ["One, anew.", "Two."]
    for gone in ("pair-1", "pair-7"):
        empty: Any = Record(gone, None)
        known.observe(empty)
    assert [each.pair_id for each in known.all()] == ["pair-2"]


async def test_a_stored_take_is_looked_up_once_and_a_missing_one_again_after_a_second() -> None:
    asked: list[str] = []
    stored = set(pair(1).takes)
    now = 0.0

    async def look_up(key: str) -> Any:
        asked.append(key)
        return key if key in stored else None

    takes = ReadyTakes(look_up, lambda: now)
    pairs = [pair(1), pair(2)]
    assert await takes.ready(pairs) == (pairs[0],)
    assert len(asked) == 4
    assert await takes.ready(pairs) == (pairs[0],)
    assert len(asked) == 4
    now = 1.0
    stored |= pair(2).takes
    assert await takes.ready(pairs) == tuple(pairs)
    assert len(asked) == 6


async def test_a_store_that_does_not_answer_is_said() -> None:
    async def look_up(_key: str) -> Any:
        raise StorageUnavailableError("no answer")

    with pytest.raises(StorageUnavailableError, match="no answer"):
        await ReadyTakes(look_up, lambda: 0.0).ready([pair(1)])
