"""The one table of what each role may do in Kafka, and the rights that follow from it for a deployment. Pure.

Kafka's rules that keep the table short (its documentation, "Operations and Resources on Protocols"): Read and Write
imply Describe. Metadata of all topics lists those that a principal may describe, and no others. A transaction needs
Write on its transactional id, and Read on the group and on the topics whose offsets it commits.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from schemas.enums import Lane
from schemas.groups import election_group, replay_transactional_id, worker_transactional_id
from schemas.topics import (
    BATCH_RUNS,
    CANCELLATIONS,
    COMPLETIONS,
    DEAD_LETTERS,
    FEEDBACK,
    LANES,
    PAIRS,
    RETRIES,
    ROLLOUT,
    ROLLOUT_STATUS,
    STREAMS,
    VERDICTS,
    VOTES,
    all_topics,
    prefixed,
    retry_topic,
)
from worker.kafka.acl.model import CLUSTER_NAME, Names, Operation, Resource, Right, Role

_Select = Callable[[Names], Iterable[str]]


@dataclass(frozen=True)
class _Row:
    resource: Resource
    select: _Select
    operations: tuple[Operation, ...]
    purpose: str
    is_prefix: bool = False


_READ: Final = (Operation.READ,)
_WRITE: Final = (Operation.WRITE,)
_READ_WRITE: Final = (Operation.READ, Operation.WRITE)
_DESCRIBE: Final = (Operation.DESCRIBE,)


def _topics(operations: tuple[Operation, ...], purpose: str, *names: str) -> _Row:
    return _Row(Resource.TOPIC, lambda of: (prefixed(each, of.topic_prefix) for each in names), operations, purpose)


def _retries(operations: tuple[Operation, ...], purpose: str, lane: Lane | None = None) -> _Row:
    # By their beginning: topics of delays that aren't configured any more may hold jobs too.
    begin = retry_topic(lane, "") if lane is not None else RETRIES
    return _Row(Resource.TOPIC, lambda of: (prefixed(begin, of.topic_prefix),), operations, purpose, is_prefix=True)


def _reply_topics(operations: tuple[Operation, ...], purpose: str) -> _Row:
    return _Row(Resource.TOPIC, lambda of: sorted(of.reply_topics), operations, purpose)


def _followed_rollout(purpose: str) -> _Row:
    return _Row(
        Resource.TOPIC, lambda of: (prefixed(ROLLOUT, of.topic_prefix),) if of.follows_topic else (), _READ, purpose
    )


def _group(select: _Select, purpose: str, operations: tuple[Operation, ...] = _READ) -> _Row:
    return _Row(Resource.GROUP, select, operations, purpose)


def _all_of_the_deployment(of: Names) -> Iterable[str]:
    yield from (prefixed(each.name, of.topic_prefix) for each in all_topics(of.delays))
    yield from sorted(of.reply_topics)


_IDEMPOTENT: Final = _Row(
    Resource.CLUSTER,
    lambda of: (CLUSTER_NAME,) if of.idempotence else (),
    (Operation.IDEMPOTENT_WRITE,),
    "idempotent writes, on brokers before Kafka 2.8; later ones accept Write on any topic in its place",
)
_READER_GROUP: Final = _group(
    lambda of: () if of.reader_group is None else (of.reader_group,), "reads completions in a group of its own"
)
_REPLAY: Final = _Row(
    Resource.TRANSACTIONAL_ID,
    lambda of: (replay_transactional_id(of.group_id),),
    _WRITE,
    "replays a dead letter and marks it in one transaction",
)

_TABLE: Final[Mapping[Role, tuple[_Row, ...]]] = {
    Role.WORKER: (
        _topics(_READ, "takes jobs, and commits how far it is", *LANES.values()),
        _retries(_READ_WRITE, "hands failed jobs to their retries, and takes those that are due"),
        _topics(_WRITE, "publishes how jobs end", COMPLETIONS, DEAD_LETTERS),
        _reply_topics(_WRITE, "publishes completions, and audio while it is made, to who wants them there"),
        _topics(_WRITE, "publishes audio while it is made, for the HTTP API", STREAMS),
        _followed_rollout("follows the rollout"),
        _topics(_READ, "leaves out jobs that were cancelled", CANCELLATIONS),
        _topics(
            _DESCRIBE,
            "checks at its start that all topics are there",
            *(ROLLOUT, ROLLOUT_STATUS, FEEDBACK, VOTES, PAIRS, BATCH_RUNS, VERDICTS),
        ),
        _group(lambda of: (of.group_id,), "shares the lanes with the other workers"),
        _Row(
            Resource.TRANSACTIONAL_ID,
            lambda of: (worker_transactional_id(of.group_id, ""),) if of.exactly_once else (),
            _WRITE,
            "delivers exactly once",
            is_prefix=True,
        ),
        _IDEMPOTENT,
    ),
    Role.CONTROLLER: (
        _topics(_READ, "counts attempts", COMPLETIONS),
        _retries(_READ, "counts attempts of jobs that are retried"),
        _topics(_READ, "counts what players report and what listeners vote", FEEDBACK, VOTES),
        _topics(_READ_WRITE, "promotes and rolls back", ROLLOUT),
        _topics(_WRITE, "publishes what it has judged", ROLLOUT_STATUS),
        _group(lambda of: (election_group(of.group_id),), "elects the leader"),
        _IDEMPOTENT,
    ),
    Role.OPERATOR: (
        _Row(
            Resource.TOPIC,
            _all_of_the_deployment,
            (Operation.CREATE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS),
            "creates topics, and compares them with the table; doctor",
        ),
        _topics(_READ_WRITE, "changes the rollout", ROLLOUT),
        _topics(_READ, "rollout status", ROLLOUT_STATUS),
        _topics(_READ_WRITE, "lists dead letters, and marks those that are replayed", DEAD_LETTERS),
        _topics(_READ_WRITE, "replays jobs, and finds those whose take is to be made again", *LANES.values()),
        _topics(_READ, "checks takes, and waits for completions", COMPLETIONS),
        _topics(_WRITE, "cancels jobs", CANCELLATIONS),
        _topics(_READ_WRITE, "makes pairs of takes for listeners, and takes them away", PAIRS),
        _topics(_READ, "shows the results of listening", VOTES),
        _REPLAY,
        _IDEMPOTENT,
    ),
    Role.GAME_SERVER: (
        _topics(_WRITE, "sends jobs", LANES[Lane.DIALOGUE]),
        _topics(_READ, "waits for completions", COMPLETIONS),
        _topics(_WRITE, "passes on what players say of lines", FEEDBACK),
        _topics(_WRITE, "cancels jobs", CANCELLATIONS),
        _reply_topics(_READ, "waits for completions, and hears lines, on a topic of its own"),
        _READER_GROUP,
        _IDEMPOTENT,
    ),
    Role.STUDIO: (
        _topics(_READ_WRITE, "sends a batch, and finds again what an interrupted one had sent", LANES[Lane.BATCH]),
        _topics(_READ, "waits for completions", COMPLETIONS),
        _topics(_WRITE, "cancels jobs", CANCELLATIONS),
        _topics(_WRITE, "reports how far a batch is", BATCH_RUNS),
        _retries(_DESCRIBE, "says how many jobs wait for a retry", Lane.BATCH),
        _topics(_WRITE, "offers takes of a line to its directors", PAIRS),
        _topics(_READ, "finds out which take they chose", VOTES),
        _topics(_READ, "finds out what they said of lines", VERDICTS),
        _followed_rollout("prices lines as the workers would speak them"),
        _group(
            lambda of: (of.group_id,), "says whether a worker runs, and how many jobs are before the batch", _DESCRIBE
        ),
        _READER_GROUP,
        _IDEMPOTENT,
    ),
    Role.CONSOLE: (
        _topics(
            _READ_WRITE,
            "enqueues lines for clients of the HTTP API, knows those enqueued, and replays dead letters",
            *LANES.values(),
        ),
        _topics(_READ, "waits for completions, streams them, and shows them", COMPLETIONS),
        _topics(_READ, "passes audio on while it is made", STREAMS),
        _retries(_READ, "shows a line's whole way"),
        _topics(_READ_WRITE, "shows the rollout, and changes it for operators", ROLLOUT),
        _topics(_READ, "shows what the controller judged", ROLLOUT_STATUS),
        _topics(_READ_WRITE, "passes on what players say of lines, and shows it", FEEDBACK),
        _topics(_READ_WRITE, "cancels lines, and shows that", CANCELLATIONS),
        _topics(_READ_WRITE, "lists dead letters, and marks those that are replayed", DEAD_LETTERS),
        _topics(_READ_WRITE, "makes pairs of takes, and takes listeners' votes on them", PAIRS, VOTES),
        _topics(_READ, "shows how far batches are", BATCH_RUNS),
        _topics(_READ_WRITE, "takes directors' verdicts on lines, and shows them", VERDICTS),
        _group(lambda of: (of.group_id,), "says how many jobs wait in each lane", _DESCRIBE),
        _REPLAY,
        _IDEMPOTENT,
    ),
}


def rights_of(role: Role, names: Names) -> tuple[Right, ...]:
    """The rights that a role needs for its whole work in a deployment; whatever isn't among them is another's."""
    selected = ((row, tuple(row.select(names))) for row in _TABLE[role])
    return tuple(
        Right(row.resource, found, row.operations, row.purpose, row.is_prefix) for row, found in selected if found
    )
