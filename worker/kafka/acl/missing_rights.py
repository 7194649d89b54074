"""Which of a role's rights the login lacks, by what Kafka answers; nothing is changed."""

from collections.abc import AsyncIterator, Collection, Iterable

from worker.kafka.acl.model import Operation, Resource, Right
from worker.kafka.client.access import allowed_operations, may_describe_group, may_join_group, may_write_transactions
from worker.kafka.client.admin import Admin

# Create on the cluster does as well as Create on topics, and Write on any topic as well as IdempotentWrite.
_UNCHECKED = frozenset({Operation.CREATE, Operation.IDEMPOTENT_WRITE})


async def missing_rights(admin: Admin, rights: Iterable[Right], topics: Collection[str]) -> list[str] | None:
    """The rights that this login lacks, such as `Write on tts.completions`.

    Args:
        rights: of its role.
        topics: all of the deployment, by their names in the cluster; those that don't exist are left out.

    Returns:
        None if the broker doesn't say what it allows.

    Raises:
        KafkaError: Kafka doesn't answer.
    """
    allowed = await allowed_operations(admin, topics)
    if allowed is None:
        return None
    missing = []
    for right in rights:
        if right.resource is Resource.TOPIC:
            for topic in _matching(right, topics):
                lacking = [each for each in right.operations if each not in allowed.get(topic, right.operations)]
                missing += [f"{each} on {topic}" for each in lacking if each not in _UNCHECKED]
            continue
        missing += [each async for each in _missing_elsewhere(admin, right)]
    return missing


def _matching(right: Right, topics: Collection[str]) -> list[str]:
    if not right.is_prefix:
        return list(right.names)
    return [topic for topic in topics if topic.startswith(right.names)]


async def _missing_elsewhere(admin: Admin, right: Right) -> AsyncIterator[str]:
    for name in right.names:
        for operation in right.operations:
            if right.resource is Resource.GROUP and operation is Operation.READ:
                allowed = await may_join_group(admin, name)
            elif right.resource is Resource.GROUP:
                allowed = await may_describe_group(admin, name)
            elif right.resource is Resource.TRANSACTIONAL_ID:
                allowed = await may_write_transactions(admin, name)
            else:
                continue
            if not allowed:
                yield f"{operation} on the {'group' if right.resource is Resource.GROUP else 'transactional id'} {name}"
