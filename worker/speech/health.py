"""Health check of Google: can WaveNet, every job's fallback, be used at all?"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from schemas.enums import FailureClass, VoiceModel
from schemas.job import Job
from worker.lifecycle.dependency import UNREACHABLE, DependencyDownError, Outage
from worker.lifecycle.probed_dependency import Probe
from worker.observability.metrics import DENIED
from worker.speech.catalogue import Catalogue
from worker.speech.failures import CallFailedError, Failure
from worker.speech.google import Google
from worker.speech.render import render

OUTAGES: Final = frozenset({FailureClass.DENIED, FailureClass.TRANSIENT, FailureClass.TIMEOUT})
"""The failures that may mean an outage for all jobs. QUOTA and INVALID prove that Google can be reached."""


def trial_call(
    google: Google, catalogue: Catalogue, before_request: Callable[[VoiceModel], None] = lambda _: None
) -> Callable[[], Awaitable[Failure | None]]:
    """A trial call: the catalogue's first character says "ok" by WaveNet. Google bills two characters for it.

    Args:
        before_request: called before each request, so that it counts against the quota too.

    Returns:
        The trial, which returns None if the call worked.

    Raises:
        ValueError: the character has no WaveNet voice.
    """
    key, character = next(iter(catalogue.characters.items()))
    job = Job(job_id="probe", character=key, text="ok", language=next(iter(character.wavenet)))
    voice = catalogue.voice(key, job.language, VoiceModel.WAVENET)
    if voice is None:
        raise ValueError(f"the catalogue's first character, {key}, has no WaveNet voice")
    rendered = render(job, character, voice)

    async def trial() -> Failure | None:
        before_request(VoiceModel.WAVENET)
        try:
            await google.synthesize(rendered.inputs[0], rendered, rendered.encoding)
        except CallFailedError as error:
            return error.failure
        return None

    return trial


def google_probe(trial: Callable[[], Awaitable[Failure | None]], retry_after_s: float) -> Probe:
    """A probe that makes a trial call, with the quick retry that a job's call has: one lost call is no outage.

    Args:
        trial: as `trial_call` makes it.
        retry_after_s: seconds before the quick retry.
    """

    async def probe() -> None:
        failure = await trial()
        if failure is not None and failure.quickly_retried:
            await asyncio.sleep(retry_after_s)
            failure = await trial()
        if failure is not None and failure.failure_class in OUTAGES:
            raise DependencyDownError(_outage(failure))

    return probe


def _outage(failure: Failure) -> Outage:
    message = f"{failure.code}: {failure.message}"
    if failure.failure_class is FailureClass.DENIED:
        return Outage(DENIED, "Google: WaveNet is denied", message, "check credentials, billing, API and IAM")
    advice = "check TTS_ENDPOINT, the network on the way to it, and Google's status page"
    return Outage(UNREACHABLE, "Google: WaveNet can't be reached", message, advice)
