"""Applies the group's assignment to the rest of the worker: its share of the quota, and its readiness."""

import asyncio

from worker.speech.limits.rate_limit_queue import RateLimitQueue


class AssignmentEffects:
    """Listens to the consumer's assignment.

    Args:
        first_assignment: set at the first assignment, and never cleared.
    """

    def __init__(self, quota: RateLimitQueue, first_assignment: asyncio.Event) -> None:
        self._quota = quota
        self._first_assignment = first_assignment

    def hand_over_began(self) -> None:
        """Stops granting quota to queued batch jobs: another worker may run them too."""
        self._quota.hold_batch()

    def hand_over_ended(self) -> None:
        """Grants quota to queued batch jobs again; those of lost partitions have been cancelled."""
        self._quota.release_batch()

    def share_changed(self, share: float) -> None:
        """Gives this worker the share of the project's quota that its share of the partitions is."""
        self._quota.set_share(share)

    def assigned(self) -> None:
        """Makes the worker ready."""
        self._first_assignment.set()
