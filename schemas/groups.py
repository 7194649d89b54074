"""The names of consumer groups and transactional ids, made of the workers' group (KAFKA_GROUP_ID). Pure."""


def election_group(group_id: str) -> str:
    """The group of the controllers, in which they elect their leader."""
    return f"{group_id}-rollout"


def replay_transactional_id(group_id: str) -> str:
    """The transactional id of `replay`: a later replay ends one that still runs."""
    return f"{group_id}-replay"


def worker_transactional_id(group_id: str, instance_id: str) -> str:
    """The transactional id of a worker that delivers exactly once.

    Args:
        instance_id: KAFKA_GROUP_INSTANCE_ID; empty for what all workers' ids begin with.
    """
    return f"{group_id}-worker-{instance_id}"
