"""What a login lacks is a sentence that names the operation, where Kafka says it, and the resource."""

from __future__ import annotations

import pytest
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from worker.kafka.client.denial import describe_denial, lacks
from worker.kafka.client.health import kafka_outage
from worker.lifecycle.dependency import REFUSED

DENIALS = [
    (TopicAuthorizationFailedError("tts.batch"), "this login lacks a right on tts.batch"),
    (TopicAuthorizationFailedError({"b", "a"}), "this login lacks a right on a, b"),
    (TopicAuthorizationFailedError(), "this login lacks a right on a topic"),
    (GroupAuthorizationFailedError("g"), "this login lacks the right Read on the consumer group g"),
    (GroupAuthorizationFailedError(), "this login lacks the right Read on the consumer group"),
    (TransactionalIdAuthorizationFailed("t"), "this login lacks the right Write on the transactional id t"),
    (
        ClusterAuthorizationFailedError(),
        "this login lacks the right Write on any topic",
    ),
]


@pytest.mark.parametrize(("error", "sentence"), DENIALS)
def test_a_refusal_names_what_the_login_lacks(error: Exception, sentence: str) -> None:
    assert describe_denial(error) == sentence


def test_other_errors_are_no_refusal() -> None:
    assert describe_denial(KafkaConnectionError("no broker")) is None
    assert describe_denial(OSError("no disk")) is None


def test_who_lacks_describe_learns_what_implies_it() -> None:
    assert lacks("Describe", "a, b") == "this login lacks the right Describe (which Read and Write imply) on a, b"
    assert lacks("Create", "a") == "this login lacks the right Create on a"


@pytest.mark.parametrize(("error", "sentence"), DENIALS)
def test_an_outage_by_a_missing_right_says_so_and_not_that_no_broker_answers(error: Exception, sentence: str) -> None:
    outage = kafka_outage(error)
    assert outage is not None
    assert (outage.reason, outage.message) == (REFUSED, sentence)
    assert "chirp-worker acl" in outage.advice
