"""What the next take of a line will be by the rollout's present state, and what it costs. Pure."""

from dataclasses import dataclass
from datetime import datetime

from schemas.errors import UnavailableError
from schemas.job import Job
from worker.pricing.google_terms import list_price, whole_micros
from worker.rollout.decision import Decision, decide, decision_request
from worker.rollout.state import RolloutState
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.render import render


@dataclass(frozen=True)
class ExpectedTake:
    """A take before it is made.

    Attributes:
        billed: characters that Google bills, tags included.
        dollars: their list price, without the free tier; a fallback costs WaveNet's beside it only if Chirp has spoken.
    """

    decision: Decision
    voice: Voice
    billed: int
    dollars: float


def expected_take(catalogue: Catalogue, state: RolloutState, job: Job, now: datetime) -> ExpectedTake:
    """The take that a worker would make of a job now.

    Args:
        now: with an offset.

    Raises:
        InvalidJobError: the catalogue has no such character, language or voice.
    """
    job = catalogue.localized(job)
    forced = catalogue.admit(job)
    forced_model = forced.voice_model if isinstance(forced, Voice) else forced
    request = decision_request(job, forced=forced_model, chirp_speaks_language=catalogue.chirp_speaks(job.language))
    decision = decide(state, request, now)
    voice = catalogue.voice(job.character, job.language, decision.voice_model)
    if isinstance(forced, Voice) and forced.voice_model is decision.voice_model:
        voice = forced
    if voice is None:
        # `admit` has found a voice, and the decision falls on no model without one.
        raise UnavailableError(f"{job.character} has no {decision.voice_model} voice for {job.language}")
    billed = sum(len(each.content) for each in render(job, catalogue.characters[job.character], voice).inputs)
    return ExpectedTake(decision, voice, billed, whole_micros(list_price({voice.voice_model: billed})))
