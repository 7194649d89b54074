"""The slots of the pool, and what a dead letter's headers tell."""

from __future__ import annotations

import asyncio

import pytest

from schemas.completion import Problem
from schemas.topics import COMPLETIONS
from schemas.words import Lane
from worker.kafka.outbox import Addresses, dead_letter_headers
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


async def test_no_more_slots_than_there_are_can_be_taken() -> None:
    slots = Slots(2)
    await slots.wait_free()
    slots.take()
    slots.take()
    with pytest.raises(ValueError, match="no slot"):
        slots.take()


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
