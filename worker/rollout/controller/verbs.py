"""The verbs by which people change a rollout, the same for the command line and the console. Pure."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from schemas.errors import UsageError
from schemas.revision import Approval
from worker.rollout import changes
from worker.rollout.changes import Verb
from worker.rollout.controller import manual_changes, stages
from worker.rollout.controller.plan_run import previous_stage, require_run
from worker.rollout.log.codec import Provenance
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.model import Plan
from worker.rollout.state import RolloutState

PlannedVerb = Callable[[RolloutState, Plan], RolloutState]
"""A change of the state that depends on the running plan."""


@dataclass(frozen=True)
class PeoplesVerbs:
    """Makes the verbs. A verb raises RefusedError where the state doesn't allow it, such as without a running plan.

    Attributes:
        catalogue: the keys of all characters.
        now: the time, with an offset; it is read each time that a verb is applied.
    """

    catalogue: frozenset[str]
    now: Callable[[], datetime]

    def answer(self, question: str, by: Provenance, *, approved: bool) -> Verb:
        """Answers a question of the stage. Applied, it raises ValidationError if it can't be written."""

        def answer(state: RolloutState, plan: Plan) -> RolloutState:
            given = Approval(name=question, approved=approved, actor=by.actor, time=self.now(), reason=by.reason)
            return manual_changes.answer(state, plan, given)

        return self._planned(answer)

    def pause(self) -> Verb:
        """Holds the plan in its stage; roll-back rules still apply."""
        return lambda state: stages.pause(state, self.now())

    def resume(self) -> Verb:
        """Goes on: after a pause where the plan was, after a roll-back at the stage's beginning."""
        return self._planned(lambda state, plan: stages.resume(state, plan, self.now()))

    def promote(self) -> Verb:
        """Goes on to the next stage at once, whatever the gates say."""
        return self._planned(lambda state, plan: stages.promote(state, plan, self.now()))

    def step_back(self, to: str | None = None) -> Verb:
        """Goes back and waits for `resume`.

        Args:
            to: the stage; None for the one before, and for Chirp off before the first.
        """

        def back(state: RolloutState, plan: Plan) -> RolloutState:
            before = previous_stage(plan, require_run(state).stage)
            name = to or (before.name if before else None)
            if name is None:
                return stages.turn_off_and_wait(state, self.now())
            return stages.step_back(state, plan, name, self.now())

        return self._planned(back)

    def turn_off(self) -> Verb:
        """Turns Chirp off for everybody, and pauses the plan."""
        return lambda state: manual_changes.turn_off_and_pause(state, self.now())

    def exclude(self, character: str) -> Verb:
        """Takes one character out; without the last listed one Chirp is off.

        Raises:
            UsageError: the character is unknown.
        """
        check_characters({character}, self.catalogue)
        return self.by_hand(partial(changes.exclude, character=character))

    def include(self, character: str) -> Verb:
        """Puts one character in: on the list if there is one, neither excluded nor quarantined.

        Raises:
            UsageError: the character is unknown.
        """
        check_characters({character}, self.catalogue)
        return lambda state: changes.include(state, character, self.now())

    def by_hand(self, verb: Verb) -> Verb:
        """A verb that pauses the plan where its change contradicts the stage."""
        return lambda state: manual_changes.pause_on_manual_change(state, verb(state), self.now())

    def _planned(self, verb: PlannedVerb) -> Verb:
        return lambda state: verb(state, active_plan(require_run(state), self.catalogue))


def check_characters(names: Collection[str], catalogue: frozenset[str]) -> None:
    """Refuses characters that aren't in the catalogue.

    Raises:
        UsageError: names the first, and the known ones.
    """
    if unknown := sorted(set(names) - catalogue):
        raise UsageError(f"{unknown[0]!r} is unknown; the characters are {', '.join(sorted(catalogue))}")
