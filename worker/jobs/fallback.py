"""The fallback policy: when WaveNet answers for a voice model that fails, and when nobody waits for that one. Pure."""

from dataclasses import dataclass

from schemas.enums import FailureClass, VoiceModel
from worker.speech.failures import Failure


@dataclass(frozen=True)
class FallbackPolicy:
    """One job's policy.

    Attributes:
        enabled: the rollout lets WaveNet answer when Chirp fails.
        forced: the job names its voice or its voice model itself.
        names_voice: the job names its voice.
    """

    enabled: bool
    forced: bool
    names_voice: bool = False

    def falls_back(self, voice_model: VoiceModel, failure: Failure) -> bool:
        """Whether WaveNet speaks the line after this failure of a voice model."""
        if voice_model is VoiceModel.WAVENET or not self.enabled:
            return False
        # Google may deny a single voice, or have it no more. A job that names such a voice becomes a dead letter, for
        # its author to change.
        is_authors = self.forced and failure.failure_class is FailureClass.DENIED
        return not is_authors and not (self.names_voice and failure.voice_missing)

    def may_skip(self, voice_model: VoiceModel) -> bool:
        """Whether the job goes straight to WaveNet when a voice model's circuit is open, or its answer would be late.

        With fallback off, or with a voice that the job names, requesting a failing voice model is still the best that
        the job can do.
        """
        return self.enabled and not self.forced and voice_model is not VoiceModel.WAVENET
