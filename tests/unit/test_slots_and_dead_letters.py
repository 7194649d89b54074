"""The slots of the pool, and what a dead letter's headers tell."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from schemas.completion import Problem
from schemas.topics import COMPLETIONS
from schemas.words import Lane
from worker.kafka.outbox import Addresses, dead_letter, dead_letter_headers
from worker.kafka.slots import Slots
from worker.outcome import Record


async def test_a_slot_that_is_given_back_wakes_who_waits() -> None:
    slots = Slots(1)
    slots.take()
    waiting = asyncio.create_task(slots.wait_free())
    await asyncio.sleep(0)
    assert not waiting.done()
    slots.give_back()
    await asyncio.wait_for(waiting, 1)
    assert slots.free == 1


async def test_many_who_wait_get_one_slot_after_the_other() -> None:
    slots = Slots(2)
    busy = most = 0

    async def work() -> None:
        nonlocal busy, most
        await slots.wait_free()
        slots.take()
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1
        slots.give_back()

    await asyncio.wait_for(asyncio.gather(*(work() for _ in range(50))), 5)
    assert most == 2
    assert slots.free == 2


async def test_more_jobs_than_slots_are_worked_on_and_nobody_gets_a_slot_until_one_is_free() -> None:
    slots = Slots(1)
    slots.take()
    slots.take()
    assert slots.free == -1
    slots.give_back()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slots.wait_free(), 0.01)
    slots.give_back()
    await asyncio.wait_for(slots.wait_free(), 1)


PROBLEM = Problem(failure_class="bad_input", code="INVALID_JOB", message="m")


def test_a_dead_letter_is_the_record_whole_with_its_headers() -> None:
    record = Record(Lane.BATCH, "tts.batch", 3, 7, b"key", b"value", headers=[("trace", b"1"), ("none", None)])
    letter = dead_letter(record, PROBLEM, "now")
    assert (letter.key, letter.value) == (b"key", b"value")
    assert letter.headers[:2] == [("trace", b"1"), ("none", None)]


def test_a_record_of_nothing_can_be_a_dead_letter_all_the_same() -> None:
    letter = dead_letter(Record(Lane.BATCH, "tts.batch", 3, 7, None, None), PROBLEM, "now")
    assert (letter.key, letter.value) == (None, b"")


@pytest.mark.parametrize("part", ["value", "key", "header"])
def test_what_is_too_large_for_its_topic_keeps_its_beginning_and_its_hash(part: str) -> None:
    large = bytes(3 * 2**20)
    record = Record(
        Lane.BATCH,
        "tts.batch",
        3,
        7,
        large if part == "key" else b"key",
        large if part == "value" else b"value",
        headers=[("h", large)] if part == "header" else [],
    )
    letter = dead_letter(record, PROBLEM, "now")
    headers = dict(letter.headers)
    assert headers["dead-letter-cut"] == b"true"
    assert headers["dead-letter-sha256"].decode() == hashlib.sha256(record.value).hexdigest()
    assert letter.value == record.value[: 64 * 2**10]
    assert letter.key == (None if part == "key" else b"key")
    assert "h" not in headers


def test_a_dead_letter_tells_reason_and_origin() -> None:
    record = Record(Lane.BATCH, "tts.batch", 3, 2**40, b"key", b"value", timestamp_ms=1234)
    problem = Problem(failure_class="bad_input", code="INVALID_JOB", message="text: 沒有字", field="text")
    headers = dict(dead_letter_headers(record, problem, "2026-01-31T12:00:00+00:00"))
    assert headers["dead-letter-class"] == b"bad_input"
    assert headers["dead-letter-code"] == b"INVALID_JOB"
    assert headers["dead-letter-field"] == b"text"
    assert headers["dead-letter-message"].decode() == "text: 沒有字"
    assert (headers["dead-letter-topic"], headers["dead-letter-partition"]) == (b"tts.batch", b"3")
    assert headers["dead-letter-offset"] == str(2**40).encode()
    assert headers["dead-letter-timestamp-ms"] == b"1234"
    assert headers["dead-letter-time"] == b"2026-01-31T12:00:00+00:00"


def test_a_reason_without_a_field_and_with_lone_surrogates_can_still_be_sent() -> None:
    record = Record(Lane.DIALOGUE, "t", 0, 0, None, None)
    headers = dict(dead_letter_headers(record, Problem(failure_class="x", code="y", message="a\ud800b"), "now"))
    assert headers["dead-letter-field"] == b""
    assert headers["dead-letter-message"] == b"a\\ud800b"


def test_the_addresses_of_a_deployment_carry_its_prefix() -> None:
    addresses = Addresses.of("staging", "group-1")
    assert (addresses.completions, addresses.dead_letters) == ("staging.completions", "staging.dead-letters")
    assert addresses.source == "/chirp-worker/group-1"
    assert Addresses.of("tts", "g").completions == COMPLETIONS
