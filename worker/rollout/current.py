"""The rollout state that jobs are decided by now: each job asks once, at its start."""

from dataclasses import replace

from worker.rollout.state import OFF, RolloutState


class CurrentRollout:
    """Holds the state of this moment; who follows the rollout changes it between two jobs.

    Args:
        state: the first one; off until another is adopted.
        braked: this worker's hand brake, which wins over every state that is adopted.
    """

    def __init__(self, state: RolloutState = OFF, *, braked: bool = False) -> None:
        self._braked = braked or state.braked
        self._state = self._held(state)

    @property
    def state(self) -> RolloutState:
        """What a job that begins now is decided by."""
        return self._state

    def adopt(self, state: RolloutState) -> None:
        """From now on jobs are decided by this state, and by the brake."""
        self._state = self._held(state)

    def _held(self, state: RolloutState) -> RolloutState:
        return replace(state, braked=self._braked)
