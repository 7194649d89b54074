"""A probe of WaveNet: whether Google lets us speak at all."""

from schemas.job import Job
from schemas.words import VoiceModel
from worker.speech.catalogue import Catalogue
from worker.speech.failures import Failure
from worker.speech.google import CallFailed, Google
from worker.speech.permission import Probe
from worker.speech.render import render


def probe_of(google: Google, catalogue: Catalogue) -> Probe:
    """A probe in which the catalogue's first character says "ok": two billed characters.

    Raises:
        ValueError: the character has no WaveNet voice.
    """
    key, character = next(iter(catalogue.characters.items()))
    job = Job(job_id="probe", character=key, text="ok", language=next(iter(character.wavenet)))
    voice = catalogue.voice(key, job.language, VoiceModel.WAVENET)
    if voice is None:
        raise ValueError(f"the catalogue's first character, {key}, has no WaveNet voice")
    rendered = render(job, character, voice)

    async def probe() -> Failure | None:
        try:
            await google.synthesize(rendered.inputs[0], rendered, rendered.encoding)
        except CallFailed as error:
            return error.failure
        return None

    return probe
