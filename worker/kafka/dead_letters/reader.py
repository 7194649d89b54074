"""Reads the dead letters that match a filter, by a scan of the whole dead-letter topic."""

from dataclasses import dataclass

from schemas.topics import DEAD_LETTERS, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.dead_letters.decoder import DeadLetter, DeadLetterFold
from worker.kafka.dead_letters.filter import LetterFilter
from worker.kafka.scan.topic_scanner import ProgressCallback, TopicScanner


@dataclass(frozen=True)
class DeadLetterScan:
    """The letters that match, oldest first, and the number of offsets with records that can't be read."""

    letters: list[DeadLetter]
    unreadable: int


async def read_letters(
    settings: KafkaSettings, wanted: LetterFilter, *, values: bool, progress: ProgressCallback
) -> DeadLetterScan:
    """Reads all letters and replay markers that are committed when the scan starts.

    Args:
        values: whether the letters keep their values; without them, 100,000 letters take about 100 MB.
        progress: is called with the offsets read and the total.

    Raises:
        TopicError: the topic doesn't exist.
        KafkaTimeoutError: Kafka has stopped answering.
    """
    fold = DeadLetterFold(settings.topic_prefix, wanted.may_match, values=values)
    scanner = TopicScanner(settings, [prefixed(DEAD_LETTERS, settings.topic_prefix)], progress)
    await scanner.scan(fold.add)
    return DeadLetterScan([letter for letter in fold.letters() if wanted.matches(letter)], scanner.undecodable)
