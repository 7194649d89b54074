"""What the consumer needs from the rest of the worker: a handler of jobs, a delivery of outcomes, a dependency gate."""

from typing import Protocol

from aiokafka import TopicPartition

from worker.jobs.outcome import Outcome, ReceivedJob
from worker.kafka.consumer.partition import OwnedPartition
from worker.kafka.consumer.record import Record
from worker.lifecycle.interruptible_wait import InterruptibleWait


class StartJob(Protocol):
    """Starts a record's job and returns at once."""

    def __call__(self, partition: TopicPartition, record: Record, /) -> None:
        """Starts the job without waiting for its outcome."""


class JobHandler(Protocol):
    """Runs jobs."""

    async def handle(self, received: ReceivedJob, waiting: InterruptibleWait) -> Outcome:
        """Returns how the job ended; raises nothing but its cancellation."""


class Delivery(Protocol):
    """Publishes outcomes and commits offsets, with the guarantee that its implementation is named for."""

    async def deliver(self, record: Record, owned: OwnedPartition, outcome: Outcome) -> None:
        """Returns once the outcome is acknowledged and the record is marked as done."""

    async def run(self) -> None:
        """Commits regularly until it is cancelled."""

    async def finish(self) -> None:
        """Commits all finished records that aren't committed yet."""

    async def before_take_over(self) -> None:
        """Called at each assignment, before the offsets of its partitions are read."""


class IntakeGate(Protocol):
    """Dependency gate: whether any jobs may be taken."""

    @property
    def is_open(self) -> bool:
        """False while no jobs may be taken."""
