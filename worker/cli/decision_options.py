"""The options of `decide` and `rollout explain`, and the job that they describe."""

import json
from datetime import datetime
from typing import Annotated

import typer

from schemas.parsing import parse_job
from worker.config.settings import Settings
from worker.rollout.decision import decision_request
from worker.rollout.explain import Explanation, explain
from worker.rollout.state import RolloutState
from worker.speech.catalogue import Voice
from worker.speech.catalogue_file import load_catalogue

Character = Annotated[str, typer.Option(help="Who speaks.")]
Text = Annotated[str, typer.Option(help="The line; decides where there is no user and no rollout key.")]
UserId = Annotated[str | None, typer.Option(help="Whose bucket decides.")]
RolloutKey = Annotated[str | None, typer.Option(help="A session or scene; wins over the user.")]
Language = Annotated[str, typer.Option(help="en-US, cmn-TW, …")]
ForcedVoice = Annotated[str | None, typer.Option("--voice", help="A voice or voice model that the job forces.")]


def explain_decision(
    settings: Settings, state: RolloutState, asked: dict[str, str | None], now: datetime
) -> Explanation:
    """Explains a job's decision.

    Args:
        settings: name the catalogue.
        state: the rollout.
        asked: the job's fields; None for one that isn't given.
        now: when it would be spoken.

    Raises:
        InvalidJobError: it is no job.
    """
    catalogue = load_catalogue(settings.worker.characters_file)
    given = {"job_id": "decide", **{name: value for name, value in asked.items() if value is not None}}
    job = parse_job(json.dumps(given).encode(), max_text_bytes=settings.worker.max_text_bytes)
    forced = catalogue.admit(job)
    request = decision_request(
        job,
        forced=forced.voice_model if isinstance(forced, Voice) else forced,
        chirp_speaks_language=catalogue.chirp_speaks(job.language),
    )
    return explain(state, job, request, now)
