"""Which voice each line of a script gets now, which take that is, and what Google would be asked for it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.job import Job
from schemas.words import VoiceModel
from worker.batch.scripts.model import Line
from worker.rollout.decision import Decision, decide, decision_request
from worker.rollout.state import RolloutState
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.render import Rendered, render
from worker.storage.takes import take_key


class KeepTogether(StrEnum):
    """Which lines have one voice model, whatever the percentage: each for itself, a scene's, a character's."""

    LINE = "line"
    SCENE = "scene"
    CHARACTER = "character"


@dataclass(frozen=True)
class VoicePreference:
    """How lines are cast.

    Attributes:
        together: what keeps together; None for scenes where the script has any, else characters.
        voice_model: of lines that name no voice of their own; None for the rollout's decision.
    """

    together: KeepTogether | None = None
    voice_model: VoiceModel | None = None

    def for_script(self, lines: Sequence[Line]) -> KeepTogether:
        """What keeps together in this script."""
        has_scenes = any(line.scene is not None for line in lines)
        return self.together or (KeepTogether.SCENE if has_scenes else KeepTogether.CHARACTER)


@dataclass(frozen=True, slots=True)
class VoicedLine:
    """A line with its voice.

    Attributes:
        line: as it stands in the script.
        job: what is sent, but for its id.
        decision: the rollout's.
        voice: that is asked first.
        key: of the take that it would make.
        billed: characters that Google would bill for it, tags included.
        calls: requests that it takes.
    """

    line: Line
    job: Job
    decision: Decision
    voice: Voice
    key: str
    billed: int
    calls: int


class VoiceSelector:
    """Casts lines as workers decide them.

    Args:
        catalogue: the characters.
        state: the rollout.
        now: the time, with an offset.
        prefix: of the takes' keys.
    """

    def __init__(self, catalogue: Catalogue, state: RolloutState, now: datetime, prefix: str) -> None:
        self._catalogue = catalogue
        self._state = state
        self._now = now
        self._prefix = prefix

    def cast(self, lines: Sequence[Line], wish: VoicePreference) -> Iterator[VoicedLine]:
        """Each line with its voice.

        Args:
            lines: that the lint, told of the same voice model, has nothing against.
            wish: what keeps together, and what is forced.
        """
        together = wish.for_script(lines)
        for line in lines:
            job = _wished(line, together, wish.voice_model)
            forced = self._catalogue.admit(job)
            speaks = self._catalogue.chirp_speaks(job.language)
            forced_model = forced.voice_model if isinstance(forced, Voice) else forced
            request = decision_request(job, forced=forced_model, chirp_speaks_language=speaks)
            decision = decide(self._state, request, self._now)
            voice = self._voice(job, forced, decision.voice_model)
            rendered = self._rendered(job, voice)
            yield VoicedLine(
                line=line,
                job=job,
                decision=decision,
                voice=voice,
                key=take_key(self._prefix, job.character, rendered, job.take),
                billed=sum(len(each.content) for each in rendered.inputs),
                calls=len(rendered.inputs),
            )

    def key_by(self, cast: VoicedLine, voice_model: VoiceModel) -> str | None:
        """The key of a line's take by a voice model; None where it doesn't speak the line's language."""
        if voice_model is cast.voice.voice_model:
            return cast.key
        forced = self._catalogue.admit(cast.line.job)
        if self._catalogue.voice(cast.job.character, cast.job.language, voice_model) is None and forced is None:
            return None
        rendered = self._rendered(cast.job, self._voice(cast.job, forced, voice_model))
        return take_key(self._prefix, cast.job.character, rendered, cast.job.take)

    def _rendered(self, job: Job, voice: Voice) -> Rendered:
        return render(job, self._catalogue.characters[job.character], voice)

    def _voice(self, job: Job, forced: Voice | VoiceModel | None, voice_model: VoiceModel) -> Voice:
        """As the pipeline: a voice that the job names, if it is of the model that was decided on."""
        if isinstance(forced, Voice) and forced.voice_model is voice_model:
            return forced
        voice = self._catalogue.voice(job.character, job.language, voice_model)
        # Where Chirp doesn't speak, the decision is WaveNet, which the catalogue's check of the job has found.
        if voice is None:
            raise ValueError(f"{job.character} has no {voice_model} voice for {job.language}")
        return voice


def _wished(line: Line, together: KeepTogether, voice_model: VoiceModel | None) -> Job:
    job = line.job
    changes: dict[str, object] = {}
    if job.rollout_key is None and together is not KeepTogether.LINE:
        by_scene = together is KeepTogether.SCENE and line.scene is not None
        changes["rollout_key"] = line.scene if by_scene else job.character
    if job.voice is None and voice_model is not None:
        changes["voice"] = voice_model.value
    return job.model_copy(update=changes) if changes else job
