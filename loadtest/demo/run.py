"""Runs the script: sends its lines as jobs and collects their completions, both over Kafka."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import ValidationError

from loadtest.demo.script import Line
from loadtest.stack.processes import Process
from schemas.completion import Completion
from schemas.topics import COMPLETIONS, LANES
from worker.config.sections import KafkaSettings
from worker.kafka.client.connection import connection_options

# The emulator's voice keeps two cores busy with these: more at once would only wait there.
_AT_ONCE: Final = 5
_LOOK_MS: Final = 50
_REST_S: Final = 0.15
# On a machine that runs several stacks a line takes a minute; a worker that ended is noticed at once.
_SILENCE_S: Final = 180.0
# A neural voice speaks the script's longest line, of five minutes, for as long on one core.
_NEURAL_SILENCE_S: Final = 1800.0
_NAMED: Final = 5

OnCompletion = Callable[[Line, Completion], None]
"""Called with each line's completion as it comes."""


class DemoFailedError(Exception):
    """The demo can't go on, or didn't show what it should; the message is for people."""


async def speak(
    lines: Sequence[Line],
    kafka: KafkaSettings,
    worker: Process,
    on_completion: OnCompletion,
    *,
    neural: bool = False,
) -> tuple[dict[str, Completion], int]:
    """Has all lines spoken, a few at once.

    Args:
        lines: the script.
        kafka: how the script's own clients reach the broker.
        worker: who speaks; its log tells why, if nothing comes.
        on_completion: called with the first completion of each line.
        neural: whether the emulator speaks by models, which takes longer.

    Returns:
        The completion of each job, and how many completions of other jobs came in between.

    Raises:
        DemoFailedError: the worker ended, or nothing came for too long.
    """
    by_id = {line.job_id: line for line in lines}
    unsent = list(lines)
    completions: dict[str, Completion] = {}
    others = 0
    async with _consumer(kafka) as consumer, _producer(kafka) as producer:
        last_heard = time.monotonic()
        while len(completions) < len(lines):
            in_flight = len(lines) - len(unsent) - len(completions)
            for line in may_be_sent(unsent, completions, _AT_ONCE - in_flight):
                await producer.send_and_wait(LANES[line.lane], line.record_value, key=line.record_key)
                unsent.remove(line)
            for completion in await _next_completions(consumer):
                if completion is None or completion.job_id not in by_id:
                    # Somebody else uses these topics too, as README says.
                    others += 1
                    continue
                line = by_id[completion.job_id]
                # Delivery is at least once: a repeat is dropped.
                if line.job_id not in completions:
                    completions[line.job_id] = completion
                    on_completion(line, completion)
                last_heard = time.monotonic()
            limit_s = _NEURAL_SILENCE_S if neural else _SILENCE_S
            _check(worker, time.monotonic() - last_heard, limit_s, by_id.keys() - completions.keys())
    return completions, others


def may_be_sent(unsent: Sequence[Line], done: Collection[str], room: int) -> list[Line]:
    """The next lines to send, at most `room`: those that wait for no other line, or for one that is done."""
    return [line for line in unsent if line.after is None or line.after in done][: max(room, 0)]


async def _next_completions(consumer: Any) -> list[Completion | None]:
    """The next records; None for one that is no completion."""
    partitions = consumer.assignment()
    consumer.resume(*partitions)
    taken = await consumer.getmany(timeout_ms=_LOOK_MS)
    # noida answers a fetch at once, empty or not, and aiokafka asks again at once: half a core, if it never rests.
    consumer.pause(*partitions)
    await asyncio.sleep(_REST_S)
    return [_read(record.value) for records in taken.values() for record in records]


def _read(value: bytes | None) -> Completion | None:
    try:
        return Completion.model_validate_json(value or b"")
    except ValidationError:
        return None


def _check(worker: Process, silent_s: float, limit_s: float, missing: Collection[str]) -> None:
    if worker.running and silent_s <= limit_s:
        return
    what = f"no completion came for {silent_s:.0f} s" if worker.running else "the worker ended"
    some = ", ".join(sorted(missing)[:_NAMED])
    raise DemoFailedError(f"{what}, with {len(missing)} lines to go ({some}). Its log ends:\n{worker.log_end()}")


@asynccontextmanager
async def _consumer(kafka: KafkaSettings) -> AsyncIterator[Any]:
    """Reads all completions; started before the first job is sent, so that none is missed."""
    consumer = AIOKafkaConsumer(
        COMPLETIONS, **connection_options(kafka), auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def _producer(kafka: KafkaSettings) -> AsyncIterator[Any]:
    producer = AIOKafkaProducer(**connection_options(kafka))
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()
