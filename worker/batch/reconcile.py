"""Reconciles the jobs in flight of an interrupted run with Kafka: completed, still in the lane, or never sent."""

import asyncio

from worker.batch.entry import build_entry
from worker.batch.kafka_lane import end_positions, find_jobs_in_lane, open_lane
from worker.batch.state import WritableBatchState
from worker.config.sections import KafkaSettings
from worker.lifecycle.clock import Clock


async def reconcile(state: WritableBatchState, settings: KafkaSettings, clock: Clock) -> None:
    """Records the completions that have arrived since the interruption, and the jobs that never reached the lane.

    Raises:
        KafkaError, UnavailableError, OSError: Kafka or the disk fails.
    """
    ends = (await end_positions(settings)).completions
    async with open_lane(settings, state.positions.completions, clock) as lane:
        completions = await lane.completions_to_end(state.in_flight, ends)
        # Delivery is at least once: of two completions of one job the first counts.
        first = {each.job_id: each for each in reversed(completions)}
        entries = [build_entry(state.in_flight[job_id], completion) for job_id, completion in first.items()]
        await asyncio.to_thread(state.record_ended, entries, lane.positions)
    if state.in_flight:
        found = await find_jobs_in_lane(settings, state.positions.lane, state.in_flight)
        missing = state.in_flight.keys() - found
        if missing:
            await asyncio.to_thread(state.record_unsent, missing)
