"""The metrics of the rollout's controller: what each round shows."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from prometheus_client import CollectorRegistry

from schemas.enums import Phase
from schemas.revision import PlanRun
from worker.observability import controller_metric_catalogue as catalogue
from worker.rollout.analysis.verdict import Status, Verdict
from worker.rollout.controller.mailbox import Sent
from worker.rollout.controller.state_machine import Missing

VERDICTS: Final = {Status.PASS: 0, Status.HOLD: 1, Status.FAIL: 2, Status.ERROR: 3}
# No metric of the controller has the label of a character of the catalogue.
_NO_CHARACTERS: Final = ()


class RolloutMetrics:
    """The metrics of the last round, registered as they stand in the catalogue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        args = (registry, _NO_CHARACTERS)
        self._value = catalogue.GATE_VALUE.register(*args)
        self._limit = catalogue.GATE_LIMIT.register(*args)
        self._sample = catalogue.GATE_SAMPLE.register(*args)
        self._verdict = catalogue.GATE_VERDICT.register(*args)
        self.is_leader = catalogue.LEADS.register(*args)
        self._stage = catalogue.STAGE.register(*args)
        self._phase = catalogue.PHASE.register(*args)
        self._waits_for = catalogue.WAITS_FOR.register(*args)
        self.transitions = catalogue.TRANSITIONS_MADE.register(*args)
        self._messages = catalogue.MESSAGES.register(*args)
        self._unsent = catalogue.UNSENT_MESSAGES.register(*args)
        self.time_served = catalogue.STAGE_SERVED.register(*args)
        self.last_round = catalogue.JUDGED_AT.register(*args)
        self.late = catalogue.LATE_ATTEMPTS.register(*args)
        self.repeated = catalogue.REPEATED_ATTEMPTS.register(*args)
        self._feedback = catalogue.FEEDBACK.register(*args)
        self._votes = catalogue.VOTES.register(*args)
        self._unreadable = catalogue.UNREADABLE.register(*args)
        self._read_age = catalogue.READ_AGE.register(*args)
        self._certificate_end = catalogue.CERTIFICATE_END.register(*args)
        self._certificate_lifetime = catalogue.CERTIFICATE_LIFETIME.register(*args)

    def show(self, verdicts: Collection[Verdict]) -> None:
        """Replaces the last round's verdicts by this round's."""
        for gauge in (self._value, self._limit, self._sample, self._verdict):
            gauge.clear()
        for each in verdicts:
            labels = (each.use, each.title, each.window, each.character or "")
            self._verdict.labels(*labels).set(VERDICTS[each.status])
            self._sample.labels(*labels).set(each.sample)
            if each.value is not None:
                self._value.labels(*labels).set(each.value)
            if each.limit is not None:
                self._limit.labels(*labels).set(each.limit)

    def show_run(self, run: PlanRun | None, missing: Collection[Missing] = ()) -> None:
        """Shows where the plan is and what it waits for; None: no plan runs."""
        self._stage.clear()
        self._phase.clear()
        self._waits_for.clear()
        if run is None:
            return
        self._stage.labels(run.plan, run.stage).set(1)
        for phase in Phase:
            self._phase.labels(phase).set(phase is run.phase)
        for each in missing:
            self._waits_for.labels(each.what, each.which).set(1)

    def show_opinions(self, feedback: Mapping[str, int], votes: Mapping[str, int]) -> None:
        """Shows what became of the feedback and votes that were read for the plan."""
        for gauge, counts in ((self._feedback, feedback), (self._votes, votes)):
            gauge.clear()
            for outcome, count in counts.items():
                gauge.labels(outcome).set(count)

    def show_reading(self, unreadable: Mapping[str, int], age_s: float) -> None:
        """Shows how many records couldn't be read, by what their topics hold, and how far the reading lags behind."""
        for content, count in unreadable.items():
            self._unreadable.labels(content).set(count)
        self._read_age.set(max(0.0, age_s))

    def track_certificate(self, file: str, ends_at: Callable[[], float], lifetime_s: Callable[[], float]) -> None:
        """Shows the end of a file's certificate, and its whole lifetime; the callbacks run at each scrape."""
        self._certificate_end.labels(file).set_function(ends_at)
        self._certificate_lifetime.labels(file).set_function(lifetime_s)

    def track_messages(self, audience: str, waiting: Callable[[], int]) -> None:
        """Shows an audience's messages from now on; `waiting`, how many wait to be sent, runs at each scrape."""
        self._unsent.labels(audience).set_function(waiting)
        # A counter that begins with its first increment would hide that one from rates.
        for result in Sent:
            self._messages.labels(audience, result)

    def count_message(self, audience: str, result: Sent) -> None:
        """Counts an attempt to send a message."""
        self._messages.labels(audience, result).inc()
