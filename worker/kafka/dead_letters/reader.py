"""Reads the dead letters' topic from its beginning to where it ends now."""

from contextlib import aclosing
from dataclasses import dataclass

from schemas.topics import DEAD_LETTERS, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.dead_letters.filter import LetterFilter
from worker.kafka.dead_letters.letter import Letter, Letters
from worker.kafka.scan.topic_scanner import Progress, TopicScanner


@dataclass(frozen=True)
class Reading:
    """The letters that a filter matches, oldest first, and how many offsets held records that nobody can read."""

    letters: list[Letter]
    unreadable: int


async def read_letters(settings: KafkaSettings, wanted: LetterFilter, *, values: bool, progress: Progress) -> Reading:
    """Reads all committed letters and markers that are there now.

    Args:
        settings: of the cluster.
        wanted: which letters.
        values: whether the letters keep their values; without, 100,000 take some 100 MB.
        progress: is told how many offsets were passed, and of how many.

    Raises:
        TopicError: there is no such topic.
        KafkaTimeoutError: Kafka has ceased to answer.
    """
    letters = Letters(settings.topic_prefix, wanted.may_match, values=values)
    reader = TopicScanner(settings, [prefixed(DEAD_LETTERS, settings.topic_prefix)], progress)
    async with aclosing(reader.batches()) as batches:
        async for batch in batches:
            for record in batch:
                letters.add(record)
    return Reading([letter for letter in letters.folded() if wanted.matches(letter)], reader.undecodable)
