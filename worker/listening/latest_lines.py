"""Reads the latest lines of both lanes, for pairs of what a game really says."""

from typing import Any, Final

from schemas.job import Job
from schemas.parsing import InvalidJobError, parse_job
from schemas.topics import LANES, prefixed
from worker.config.settings import Settings
from worker.kafka.client.access import hidden_topics
from worker.kafka.client.admin import connect_admin
from worker.kafka.scan.topic_scanner import TopicScanner, no_progress
from worker.listening.pair_plan import PREFIX

_OF_PARTITION: Final = 500


async def latest_lines(settings: Settings) -> list[Job]:
    """The jobs among the last 500 records of each of the lanes' partitions, newest first; without those of pairs.

    Raises:
        TopicError: a topic doesn't exist.
        KafkaTimeoutError: Kafka has stopped answering.
    """
    kafka, found = settings.kafka, list[tuple[int, Job]]()

    def add(record: Any) -> None:
        try:
            job = parse_job(record.value, max_text_bytes=settings.worker.max_text_bytes)
        except InvalidJobError:
            return
        if not job.job_id.startswith(PREFIX):
            found.append((record.timestamp, job))

    lanes = [prefixed(topic, kafka.topic_prefix) for topic in LANES.values()]
    async with connect_admin(kafka) as admin:
        hidden = await hidden_topics(admin, lanes)
    searched = [each for each in lanes if each not in hidden]
    await TopicScanner(kafka, searched, no_progress, last=_OF_PARTITION).scan(add)
    return [job for _, job in sorted(found, key=lambda each: each[0], reverse=True)]
