"""The metrics of the rollout's controller. Each help text says what a high or low value means."""

from collections.abc import Collection
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from worker.rollout.analysis.verdict import Status, Verdict

VERDICTS: Final = {Status.PASS: 0, Status.HOLD: 1, Status.FAIL: 2, Status.ERROR: 3}
_LABELS: Final = ["use", "gate", "window", "character"]


class RolloutMetrics:
    """The metrics of the last round."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._value = self._gauge("value", "What a gate or rule measured: a share, or seconds.", _LABELS)
        self._limit = self._gauge("limit", "What it is compared with.", _LABELS)
        self._sample = self._gauge("sample", "Attempts in the sample. Low: too few for a verdict.", _LABELS)
        self._verdict = self._gauge(
            "verdict", "0 pass, 1 hold, 2 fail, 3 error. 2 of a rule: it rolls back. 3: its query is broken.", _LABELS
        )
        self.is_leader = Gauge(
            "tts_rollout_leads",
            "1 on the controller that leads. A sum below 1: no controller leads.",
            registry=registry,
        )
        self.time_served = Gauge(
            "tts_rollout_stage_served_seconds",
            "Time served in the stage. High above its least time: something holds it.",
            registry=registry,
        )
        self.last_round = Gauge(
            "tts_rollout_judged_timestamp_seconds", "When the last round was evaluated. Old: no controller evaluates.",
            registry=registry,
        )  # fmt: skip
        self.late = Gauge(
            "tts_rollout_late_attempts", "Attempts that were published too late to be counted.", registry=registry
        )
        self.repeated = Gauge(
            "tts_rollout_repeated_attempts",
            "Attempts that were counted already: retried jobs list the earlier ones again.",
            registry=registry,
        )

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

    def _gauge(self, name: str, documentation: str, labels: list[str]) -> Gauge:
        return Gauge(f"tts_rollout_gate_{name}", documentation, labels, registry=self.registry)
