"""The variables of one of a parent's processes: the parent's, with a name and a share of the memory of its own."""

from collections.abc import Mapping
from typing import Final

from worker.config.instance_id import DYNAMIC

_NAME: Final = "KAFKA_GROUP_INSTANCE_ID"


def process_environment(
    environment: Mapping[str, str], number: int, *, instance_id: str | None, parent: str, memory_budget_mb: int
) -> dict[str, str]:
    """The variables of process `number`.

    A parent with an instance id keeps it over its restarts, and so do its processes. The processes of one without have
    names that last as long as the parent, so that they leave the group when it stops.

    Args:
        environment: the parent's.
        instance_id: the parent's; None without one.
        parent: a name that no other parent has, nor one before or after this one.
        memory_budget_mb: this process's share.
    """
    own = {"MEMORY_BUDGET_MB": str(memory_budget_mb)}
    if instance_id is not None:
        own[_NAME] = f"{instance_id}-{number}"
    elif environment.get(_NAME) != DYNAMIC:
        own |= {_NAME: f"{parent}-{number}", "KAFKA_LEAVE_AT_STOP": "true"}
    return {**environment, **own}
