"""The names of a parent's processes: the parent's own with a number, or one that lasts as long as the parent."""

from __future__ import annotations

from worker.config.process_environment import process_environment
from worker.config.settings import load_settings

NAME = "KAFKA_GROUP_INSTANCE_ID"


def variables(environment: dict[str, str], instance_id: str | None, number: int = 2) -> dict[str, str]:
    return process_environment(environment, number, instance_id=instance_id, parent="host-1234", memory_budget_mb=100)


def test_a_name_that_lasts_gets_the_number_and_is_kept_at_a_stop() -> None:
    kafka = load_settings(variables({NAME: "pod-0"}, "pod-0")).kafka
    assert (kafka.group_instance_id, kafka.leave_at_stop) == ("pod-0-2", False)


def test_without_one_the_parent_has_a_name_that_is_left_at_a_stop() -> None:
    kafka = load_settings(variables({}, None)).kafka
    assert (kafka.group_instance_id, kafka.leave_at_stop) == ("host-1234-2", True)


def test_dynamic_membership_stays_dynamic() -> None:
    kafka = load_settings(variables({NAME: "none"}, None)).kafka
    assert (kafka.group_instance_id, kafka.leave_at_stop) == (None, False)


def test_all_other_variables_are_the_parents_and_the_memory_is_shared_out() -> None:
    found = variables({"MAX_IN_FLIGHT": "7", "MEMORY_BUDGET_MB": "400"}, None)
    settings = load_settings(found).worker
    assert (settings.max_in_flight, settings.memory_budget_mb) == (7, 100)
