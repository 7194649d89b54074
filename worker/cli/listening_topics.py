"""Reads the topics of listening for commands: pairs, votes, and the gate that the running plan has for them."""

from schemas.message_parsing import parse_vote
from schemas.pair import Pair
from schemas.topics import PAIRS, VOTES, prefixed
from schemas.vote import Vote
from worker.cli import terminal
from worker.cli.event_topics import read_events
from worker.config.sections import KafkaSettings
from worker.config.settings import Settings
from worker.kafka.scan.topic_scanner import TopicScanner
from worker.lifecycle.clock import Clock
from worker.listening.known_pairs import KnownPairs
from worker.listening.results import DEFAULT, Criterion, criterion_of
from worker.rollout.log.codec import current_state
from worker.rollout.log.reader import open_log
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.document import InvalidFileError
from worker.speech.catalogue_file import load_catalogue


async def read_pairs(settings: KafkaSettings) -> tuple[Pair, ...]:
    """All pairs.

    Raises:
        TopicError: the topic doesn't exist.
        KafkaTimeoutError: Kafka has stopped answering.
    """
    known = KnownPairs()
    with terminal.progress("reading the pairs") as progress:
        await TopicScanner(settings, [prefixed(PAIRS, settings.topic_prefix)], progress).scan(known.observe)
    return known.all()


async def read_votes(settings: KafkaSettings) -> list[Vote]:
    """All votes, in their order.

    Raises:
        TopicError: the topic doesn't exist.
        KafkaTimeoutError: Kafka has stopped answering.
    """
    return await read_events(settings, VOTES, parse_vote, "reading the votes")


async def running_criterion(settings: Settings) -> Criterion:
    """The running stage's gate; the default where there is none, or where this version can't read the plan.

    Raises:
        TopicError, KafkaError: Kafka doesn't answer.
    """
    async with open_log(settings.kafka, Clock()) as log:
        await log.read_to_end()
        run = current_state(log.revisions).run
    if run is None:
        return DEFAULT
    try:
        return criterion_of(active_plan(run, load_catalogue(settings.worker.characters_file).names), run.stage)
    except InvalidFileError:
        return DEFAULT
