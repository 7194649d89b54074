"""Selects the voice of each line of a script by the rollout's decision, and renders its request to Google. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.enums import VoiceModel
from schemas.job import Job
from worker.batch.scripts.model import Line
from worker.rollout.decision import Decision, decide, decision_request
from worker.rollout.state import RolloutState
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.render import Rendered, render
from worker.storage.takes import take_key


class KeepTogether(StrEnum):
    """The unit that gets one voice model, whatever the percentage: a line, a scene or a character."""

    LINE = "line"
    SCENE = "scene"
    CHARACTER = "character"


@dataclass(frozen=True)
class VoicePreference:
    """How voices are selected.

    Attributes:
        together: the unit that gets one voice model; None for scenes where the script has any, else characters.
        voice_model: for lines that name no voice of their own; None for the rollout's decision.
    """

    together: KeepTogether | None = None
    voice_model: VoiceModel | None = None

    def for_script(self, lines: Sequence[Line]) -> KeepTogether:
        """The unit that gets one voice model in this script."""
        has_scenes = any(line.scene is not None for line in lines)
        return self.together or (KeepTogether.SCENE if has_scenes else KeepTogether.CHARACTER)


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """A line with its voice and the requests to Google that it needs.

    Attributes:
        line: of the script.
        job: as it is sent, except for its id.
        decision: of the rollout.
        voice: the first voice to try.
        key: of the take that this voice makes.
        billed: characters that Google bills for the take, tags included.
        calls: requests to Google.
    """

    line: Line
    job: Job
    decision: Decision
    voice: Voice
    key: str
    billed: int
    calls: int


class VoiceSelector:
    """Selects voices with the decision that workers use.

    Args:
        now: with an offset.
        prefix: of take keys.
    """

    def __init__(self, catalogue: Catalogue, rollout: RolloutState, now: datetime, prefix: str) -> None:
        self._catalogue = catalogue
        self._rollout = rollout
        self._now = now
        self._prefix = prefix

    def select(self, lines: Sequence[Line], preference: VoicePreference) -> Iterator[PlannedLine]:
        """The lines with their voices.

        Args:
            lines: without errors in a lint for the same voice model.
        """
        together = preference.for_script(lines)
        for line in lines:
            job = self._catalogue.localized(_job(line, together, preference.voice_model))
            forced = self._catalogue.admit(job)
            chirp_speaks = self._catalogue.chirp_speaks(job.language)
            forced_model = forced.voice_model if isinstance(forced, Voice) else forced
            request = decision_request(job, forced=forced_model, chirp_speaks_language=chirp_speaks)
            decision = decide(self._rollout, request, self._now)
            voice = self._voice(job, forced, decision.voice_model)
            rendered = self._rendered(job, voice)
            yield PlannedLine(
                line=line,
                job=job,
                decision=decision,
                voice=voice,
                key=take_key(self._prefix, job.character, rendered, job.take),
                billed=sum(len(each.content) for each in rendered.inputs),
                calls=len(rendered.inputs),
            )

    def key_for(self, planned: PlannedLine, voice_model: VoiceModel) -> str | None:
        """The key of a line's take for a voice model; None where the model doesn't speak the line's language."""
        if voice_model is planned.voice.voice_model:
            return planned.key
        forced = self._catalogue.admit(planned.line.job)
        if self._catalogue.voice(planned.job.character, planned.job.language, voice_model) is None and forced is None:
            return None
        rendered = self._rendered(planned.job, self._voice(planned.job, forced, voice_model))
        return take_key(self._prefix, planned.job.character, rendered, planned.job.take)

    def _rendered(self, job: Job, voice: Voice) -> Rendered:
        return render(job, self._catalogue.characters[job.character], voice)

    def _voice(self, job: Job, forced: Voice | VoiceModel | None, voice_model: VoiceModel) -> Voice:
        """As in the pipeline: the job's own voice if it belongs to the decided model, else the catalogue's."""
        if isinstance(forced, Voice) and forced.voice_model is voice_model:
            return forced
        voice = self._catalogue.voice(job.character, job.language, voice_model)
        # For a language that Chirp doesn't speak, the decision is WaveNet, and `admit` has found a voice for it.
        if voice is None:
            raise ValueError(f"{job.character} has no {voice_model} voice for {job.language}")
        return voice


def _job(line: Line, together: KeepTogether, voice_model: VoiceModel | None) -> Job:
    job = line.job
    changes: dict[str, object] = {}
    if job.rollout_key is None and together is not KeepTogether.LINE:
        by_scene = together is KeepTogether.SCENE and line.scene is not None
        changes["rollout_key"] = line.scene if by_scene else job.character
    if job.voice is None and voice_model is not None:
        changes["voice"] = voice_model.value
    return job.model_copy(update=changes) if changes else job
