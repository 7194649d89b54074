"""The circuit breakers by voice model: their metric, their log lines, and the revision that opened each."""

from collections.abc import Mapping

import structlog

from schemas.enums import VoiceModel
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.limits.circuit_breaker import AdmittedAttempt, CircuitBreaker, CircuitState

_log = structlog.get_logger(__name__)


class Circuits:
    """The circuits of the voice models that have a fallback; a voice model without one is never refused here."""

    def __init__(self, circuits: Mapping[VoiceModel, CircuitBreaker], metrics: Metrics, clock: Clock) -> None:
        self._circuits = circuits
        self._metrics = metrics
        self._clock = clock
        self._opened_by: dict[VoiceModel, int] = {}
        self._reported = dict.fromkeys(circuits, CircuitState.CLOSED)
        for voice_model in circuits:
            metrics.set_circuit(voice_model, CircuitState.CLOSED)

    def is_open(self, voice_model: VoiceModel) -> bool:
        """Whether a voice model's circuit refuses an attempt now."""
        circuit = self._circuits.get(voice_model)
        return circuit is not None and circuit.refuses(self._clock.monotonic())

    def admit(self, voice_model: VoiceModel) -> AdmittedAttempt | None:
        """Lets an attempt through the circuit; None if the circuit refuses it, or if there is no circuit."""
        circuit = self._circuits.get(voice_model)
        if circuit is None:
            return None
        attempt = circuit.admit(self._clock.monotonic())
        self._report(voice_model, circuit)
        return attempt

    def opened_by(self, voice_model: VoiceModel) -> int | None:
        """The rollout revision that decided the attempt which opened the circuit, or was its last failed probe."""
        return self._opened_by.get(voice_model)

    def record(
        self, voice_model: VoiceModel, attempt: AdmittedAttempt, *, failed: bool | None, at_once: bool, revision: int
    ) -> None:
        """Records the result of an attempt, as `CircuitBreaker.record`; `revision` has decided its job."""
        circuit = self._circuits[voice_model]
        if circuit.record(attempt, self._clock.monotonic(), failed=failed, at_once=at_once):
            self._opened_by[voice_model] = revision
        self._report(voice_model, circuit)

    def _report(self, voice_model: VoiceModel, circuit: CircuitBreaker) -> None:
        state, before = circuit.state(self._clock.monotonic()), self._reported[voice_model]
        if state is before:
            return
        self._reported[voice_model] = state
        self._metrics.set_circuit(voice_model, state)
        if before is CircuitState.CLOSED:
            _log.warning("circuit_opened", voice_model=voice_model.value, detail="its jobs go straight to the fallback")
        elif state is CircuitState.CLOSED:
            _log.info("circuit_closed", voice_model=voice_model.value, detail="its probes succeeded; its jobs use it")
