"""Who may do what in Kafka: each role its own work, and nothing of another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import Lane
from schemas.topics import (
    BATCH_RUNS,
    CANCELLATIONS,
    COMPLETIONS,
    DEAD_LETTERS,
    FEEDBACK,
    LANES,
    PAIRS,
    RETRY_DELAYS,
    ROLLOUT,
    ROLLOUT_STATUS,
    STREAMS,
    VERDICTS,
    VOTES,
    all_topics,
)
from worker.kafka.acl.model import CLUSTER_NAME, Names, Operation, Resource, Right, Role
from worker.kafka.acl.rights import rights_of

NAMES = Names("tts", "chirp-worker", RETRY_DELAYS, follows_topic=True, exactly_once=True)
TOPICS = [topic.name for topic in all_topics()]
RETRIES = [name for name in TOPICS if ".retry." in name]


def allowed(role: Role, operation: Operation, resource: Resource = Resource.TOPIC, names: Names = NAMES) -> list[Right]:
    return [each for each in rights_of(role, names) if each.resource is resource and operation in each.operations]


def may(role: Role, operation: Operation, name: str) -> bool:
    return any(
        name.startswith(each) if right.is_prefix else name == each
        for right in allowed(role, operation)
        for each in right.names
    )


def who_may(operation: Operation, name: str) -> set[str]:
    return {role.value for role in Role if may(role, operation, name)}


@pytest.mark.parametrize(
    ("topic", "writers", "readers"),
    [
        (LANES[Lane.DIALOGUE], {"game-server", "operator", "console"}, {"worker", "operator", "console"}),
        (LANES[Lane.BATCH], {"studio", "operator", "console"}, {"worker", "studio", "operator", "console"}),
        (COMPLETIONS, {"worker"}, {"controller", "operator", "game-server", "studio", "console"}),
        (DEAD_LETTERS, {"worker", "operator", "console"}, {"operator", "console"}),
        (ROLLOUT, {"controller", "operator", "console"}, {"worker", "controller", "operator", "studio", "console"}),
        (ROLLOUT_STATUS, {"controller"}, {"operator", "console"}),
        (FEEDBACK, {"game-server", "console"}, {"controller", "console"}),
        (STREAMS, {"worker"}, {"console"}),
        (VOTES, {"console"}, {"controller", "operator", "studio", "console"}),
        (PAIRS, {"operator", "studio", "console"}, {"operator", "console"}),
        (CANCELLATIONS, {"game-server", "operator", "studio", "console"}, {"worker", "console"}),
        (BATCH_RUNS, {"studio"}, {"console"}),
        (VERDICTS, {"console"}, {"studio", "console"}),
        *((retry, {"worker"}, {"worker", "controller", "console"}) for retry in RETRIES),
    ],
)
def test_who_writes_and_who_reads_each_topic(topic: str, writers: set[str], readers: set[str]) -> None:
    assert who_may(Operation.WRITE, topic) == writers
    assert who_may(Operation.READ, topic) == readers


def test_only_workers_write_what_the_gates_count() -> None:
    for evidence in (COMPLETIONS, *RETRIES):
        assert who_may(Operation.WRITE, evidence) == {"worker"}


def test_game_servers_pass_on_feedback_and_never_vote() -> None:
    assert may(Role.GAME_SERVER, Operation.WRITE, FEEDBACK)
    assert not may(Role.GAME_SERVER, Operation.WRITE, VOTES)


def test_only_the_operator_creates_topics() -> None:
    for topic in TOPICS:
        assert who_may(Operation.CREATE, topic) == {"operator"}
        assert who_may(Operation.DESCRIBE_CONFIGS, topic) == {"operator"}


@pytest.mark.parametrize("role", [Role.WORKER, Role.OPERATOR])
def test_who_checks_that_all_topics_are_there_may_see_all_of_them(role: Role) -> None:
    # Read and Write imply Describe.
    for topic in TOPICS:
        assert any(may(role, each, topic) for each in (Operation.DESCRIBE, Operation.READ, Operation.WRITE))


@pytest.mark.parametrize(
    ("resource", "users"),
    [
        (Resource.GROUP, {"worker": ("chirp-worker",), "controller": ("chirp-worker-rollout",)}),
        (
            Resource.TRANSACTIONAL_ID,
            {
                "worker": ("chirp-worker-worker-",),
                "operator": ("chirp-worker-replay",),
                "console": ("chirp-worker-replay",),
            },
        ),
    ],
)
def test_groups_and_transactional_ids_are_those_of_the_code(resource: Resource, users: dict[str, tuple]) -> None:
    operation = Operation.READ if resource is Resource.GROUP else Operation.WRITE
    found = {role.value: right.names for role in Role for right in allowed(role, operation, resource)}
    assert found == users


def test_a_studio_may_look_at_the_workers_group_and_not_join_it() -> None:
    (right,) = [each for each in rights_of(Role.STUDIO, NAMES) if each.resource is Resource.GROUP]
    assert (right.names, right.operations) == (("chirp-worker",), (Operation.DESCRIBE,))


def test_rights_follow_the_settings() -> None:
    plain = Names("tts", "chirp-worker", RETRY_DELAYS, idempotence=False)
    assert not may_read_rollout(plain)
    assert may_read_rollout(NAMES)
    assert not allowed(Role.WORKER, Operation.WRITE, Resource.TRANSACTIONAL_ID, plain)
    assert not allowed(Role.WORKER, Operation.IDEMPOTENT_WRITE, Resource.CLUSTER, plain)
    (cluster,) = allowed(Role.WORKER, Operation.IDEMPOTENT_WRITE, Resource.CLUSTER)
    assert cluster.names == (CLUSTER_NAME,)


def may_read_rollout(names: Names) -> bool:
    return any(ROLLOUT in right.names for right in allowed(Role.WORKER, Operation.READ, names=names))


def test_reply_topics_are_written_by_workers_read_by_game_servers_and_created_by_operators() -> None:
    names = Names("tts", "g", RETRY_DELAYS, reply_topics=frozenset({"game.b", "game.a"}))
    replies = ("game.a", "game.b")
    assert replies in [each.names for each in allowed(Role.WORKER, Operation.WRITE, names=names)]
    assert replies in [each.names for each in allowed(Role.GAME_SERVER, Operation.READ, names=names)]
    assert set(replies) <= {
        name for each in allowed(Role.OPERATOR, Operation.CREATE, names=names) for name in each.names
    }
    assert replies not in [each.names for each in allowed(Role.GAME_SERVER, Operation.WRITE, names=names)]


def test_a_reader_group_is_the_game_servers_and_the_studios_own() -> None:
    names = Names("tts", "g", RETRY_DELAYS, reader_group="quests")
    users = {role for role in Role for right in rights_of(role, names) if "quests" in right.names}
    assert users == {Role.GAME_SERVER, Role.STUDIO}


@given(
    prefix=st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True),
    group=st.text(min_size=1, max_size=20).filter(lambda text: text != "*"),
)
def test_no_right_leaves_the_deployment(prefix: str, group: str) -> None:
    names = Names(prefix, group, RETRY_DELAYS, follows_topic=True, exactly_once=True)
    for role in Role:
        for right in rights_of(role, names):
            begin = {Resource.TOPIC: f"{prefix}.", Resource.CLUSTER: CLUSTER_NAME}.get(right.resource, group)
            assert all(name.startswith(begin) and name != "*" for name in right.names)


def test_a_prefix_is_never_that_of_all_topics() -> None:
    # A right on `tts.` would hold for the deployment `tts.staging` on the same cluster too.
    prefixes = {name for role in Role for right in rights_of(role, NAMES) if right.is_prefix for name in right.names}
    assert prefixes == {"tts.retry.", "tts.retry.batch.", "chirp-worker-worker-"}
