"""What a login lacks, by Kafka's refusal."""

from collections.abc import Collection

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

ADVICE = "`chirp-worker acl` prints each role's rights"


def lacks(operation: str, topics: str) -> str:
    """The sentence about a right that a login lacks.

    Args:
        operation: by Kafka's own name.
        topics: by their names in the cluster.
    """
    implied = " (which Read and Write imply)" if operation == "Describe" else ""
    return f"this login lacks the right {operation}{implied} on {topics}"


def describe_denial(error: Exception) -> str | None:
    """What an error says that this login lacks; None for an error that is no refusal of the authorizer's."""
    named = error.args[0] if error.args else ""
    if isinstance(error, TopicAuthorizationFailedError):
        return f"this login lacks a right on {_joined(named) or 'a topic'}"
    if isinstance(error, GroupAuthorizationFailedError):
        return lacks("Read", f"the consumer group {_joined(named)}".rstrip())
    if isinstance(error, TransactionalIdAuthorizationFailed):
        return lacks("Write", f"the transactional id {_joined(named)}".rstrip())
    if isinstance(error, ClusterAuthorizationFailedError):
        # An idempotent producer needs it before it has named a topic; IdempotentWrite on the cluster would do too.
        return "this login lacks the right Write on any topic"
    return None


def _joined(named: str | Collection[str]) -> str:
    return named if isinstance(named, str) else ", ".join(sorted(named))
