"""The typed interfaces of aiokafka's clients are aiokafka's own, without what must not be called."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient

from worker.kafka.client.admin import Admin
from worker.kafka.client.consumer_interface import GroupConsumer, RebalanceCallbacks
from worker.kafka.client.producer import Producer

OWN = {"is_member"}


def methods(interface: type) -> list[str]:
    return [
        name
        for each in interface.__mro__
        for name in vars(each)
        if getattr(each, "_is_protocol", False) and not name.startswith("_") and name not in OWN
    ]


PAIRS = [
    (name, interface, implementation)
    for interface, implementation in (
        (GroupConsumer, AIOKafkaConsumer),
        (Producer, AIOKafkaProducer),
        (Admin, AIOKafkaAdminClient),
        (RebalanceCallbacks, ConsumerRebalanceListener),
    )
    for name in methods(interface)
]


@pytest.mark.parametrize(("name", "interface", "implementation"), PAIRS, ids=[f"{b.__name__}.{a}" for a, b, _ in PAIRS])
def test_a_method_of_an_interface_is_aiokafkas_with_the_same_parameters(
    name: str, interface: Any, implementation: Any
) -> None:
    ours, theirs = getattr(interface, name), getattr(implementation, name)
    assert inspect.iscoroutinefunction(ours) == (inspect.iscoroutinefunction(theirs) or interface is RebalanceCallbacks)
    if interface is RebalanceCallbacks:
        return
    given, wanted = [*inspect.signature(theirs).parameters], inspect.signature(ours).parameters.values()
    positional = [each.name for each in wanted if each.kind is each.POSITIONAL_OR_KEYWORD]
    assert positional == given[: len(positional)]
    assert {each.name for each in wanted if each.kind is each.KEYWORD_ONLY} <= set(given)


def test_what_aiokafka_reads_wrongly_while_a_coordinator_moves_is_in_no_interface() -> None:
    assert "committed" not in methods(GroupConsumer)
    assert callable(AIOKafkaConsumer.committed), "or the rule has no object any more"
