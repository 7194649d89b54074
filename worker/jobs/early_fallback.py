"""Early fallback: a dialogue line that would likely miss its deadline goes to WaveNet at once. Pure."""

from datetime import datetime

from schemas.enums import Lane, VoiceModel
from worker.jobs.progress import Progress
from worker.speech.latency_estimate import LatencyEstimate
from worker.speech.render import Rendered


def would_be_late(progress: Progress, rendered: Rendered, latency: LatencyEstimate, now: datetime) -> bool:
    """Whether a player waits for the line and would likely get it after the deadline by this voice model."""
    deadline, voice_model = progress.job.deadline, rendered.voice.voice_model
    if deadline is None or progress.lane is not Lane.DIALOGUE or not progress.fallback.may_skip(voice_model):
        return False
    expected_s = latency.expected_s(voice_model, rendered.spoken_units)
    return expected_s is not None and expected_s > (deadline - now).total_seconds()


def is_wavenet_faster(rendered: Rendered, latency: LatencyEstimate) -> bool:
    """Whether WaveNet likely takes less time for the line than this voice model."""
    this_s = latency.expected_s(rendered.voice.voice_model, rendered.spoken_units)
    wavenet_s = latency.expected_s(VoiceModel.WAVENET, rendered.spoken_units)
    return this_s is not None and wavenet_s is not None and wavenet_s < this_s
