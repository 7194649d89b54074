"""The demo's pace: measures how many jobs a second this machine does, and chooses traffic and a day's length by it."""

import asyncio
import itertools
import json
import math
import time
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from loadtest.demo.run import DemoFailedError
from loadtest.stack.traffic import Flow
from schemas.enums import Lane
from schemas.revision import FULL_PERCENTAGE
from schemas.topics import COMPLETIONS, LANES
from worker.rollout.analysis.evaluate import MIN_SAMPLE_FOR_MEAN
from worker.rollout.plan.model import Plan
from worker.rollout.plan.units import DAY

_PROBES: Final = 150
_PATIENCE_S: Final = 120.0
_LOOK_MS: Final = 200
# Half of what it can do: the controller, the screen and the emulator use the same cores.
_SHARE: Final = 1 / 2
_MOST_JOBS: Final = 60
_FEWEST_JOBS: Final = 6
_SHORTEST_DAY_S: Final = 4
# How many times their sample the gates could have in the longest time of the first stage.
_MARGIN: Final = 1.25
# The mean time of the last tenth needs its own sample.
_TENTHS: Final = 10
_NEW_LINES: Final = 0.9


@dataclass(frozen=True)
class Pace:
    """Which plan is rehearsed, how many jobs a second come, and how many seconds a day of the plan lasts."""

    plan: Plan
    jobs_a_second: float
    day_s: int

    @property
    def day(self) -> str:
        """As `rollout start --day` takes it."""
        return f"{self.day_s}s"


def choose_pace(throughput: float, plan: Plan) -> Pace:
    """Choose the pace at which the first stage's gates have their sample well before the stage must end.

    Args:
        throughput: jobs a second that the machine does.
        plan: that is rehearsed.
    """
    jobs = min(_MOST_JOBS, max(_FEWEST_JOBS, throughput * _SHARE))
    first = plan.stages[0]
    attempts_a_second = jobs * _NEW_LINES * first.percentage / FULL_PERCENTAGE
    days = (first.at_most or first.at_least) / DAY
    needed = max(plan.min_sample, _TENTHS * MIN_SAMPLE_FOR_MEAN)
    day_s = math.ceil(_MARGIN * needed / attempts_a_second / days)
    return Pace(plan, jobs, max(_SHORTEST_DAY_S, day_s))


async def measure_throughput(producer: Any, kafka: str, characters: list[str]) -> float:
    """Has the worker do some jobs, all at once, and returns how many it did a second.

    Raises:
        DemoFailedError: they weren't done within two minutes.
    """
    jobs = list(itertools.islice(Flow("warm-up", 1.0, characters).jobs(), _PROBES))
    missing = {job["job_id"] for job in jobs}
    consumer = AIOKafkaConsumer(COMPLETIONS, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        began = time.monotonic()
        for job in jobs:
            await producer.send(LANES[Lane.DIALOGUE], json.dumps(job).encode(), key=job["user_id"].encode())
        while missing:
            if time.monotonic() - began > _PATIENCE_S:
                raise DemoFailedError(f"the worker did {_PROBES - len(missing)} of {_PROBES} jobs in {_PATIENCE_S:g} s")
            taken = await consumer.getmany(timeout_ms=_LOOK_MS)
            missing -= {json.loads(record.value).get("job_id") for records in taken.values() for record in records}
            await asyncio.sleep(0)
        return _PROBES / (time.monotonic() - began)
    finally:
        await consumer.stop()
