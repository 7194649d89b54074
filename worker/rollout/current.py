"""The rollout state by which jobs are decided now: each job reads it once, at its start."""

from dataclasses import replace

from worker.rollout.state import OFF, RolloutState


class CurrentRollout:
    """Holds the current state. The follower of the rollout topic replaces it between two jobs.

    Args:
        state: the initial state.
        braked: this worker's hand brake, which overrides every adopted state.
    """

    def __init__(self, state: RolloutState = OFF, *, braked: bool = False) -> None:
        self._braked = braked or state.braked
        self._state = self._with_brake(state)

    @property
    def state(self) -> RolloutState:
        """The state that decides a job that starts now."""
        return self._state

    def adopt(self, state: RolloutState) -> None:
        """Decides jobs by this state from now on. The hand brake still applies."""
        self._state = self._with_brake(state)

    def _with_brake(self, state: RolloutState) -> RolloutState:
        return replace(state, braked=self._braked)
