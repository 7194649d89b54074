"""The command that explains a rollout decision: `decide`; its options are those of `rollout explain` too."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

import typer

from schemas.parsing import parse_job
from worker.app.rollout_seed import rollout_state
from worker.cli import terminal
from worker.cli.option_groups import grouped_options
from worker.cli.options import AsJson
from worker.config.settings import Settings, load_settings
from worker.lifecycle.clock import Clock
from worker.rollout.decision import decision_request
from worker.rollout.explain import Explanation, explain
from worker.rollout.state import RolloutState
from worker.speech.catalogue import Voice
from worker.speech.catalogue_file import load_catalogue


@dataclass(frozen=True)
class JobOptions:
    """The fields of a job that its rollout decision depends on."""

    character: Annotated[str, typer.Option(help="The character that speaks.")] = "pip_boy"
    text: Annotated[str, typer.Option(help="The line; it decides where there is neither a user nor a rollout key.")] = (
        "ok"
    )
    user_id: Annotated[str | None, typer.Option(help="The user; their rollout bucket decides.")] = None
    rollout_key: Annotated[str | None, typer.Option(help="A session or scene; it wins over the user.")] = None
    language: Annotated[str, typer.Option(help="en-US, cmn-TW, …")] = "en-US"
    voice: Annotated[str | None, typer.Option("--voice", help="A voice or voice model that the job forces.")] = None


@grouped_options
def decide(job: JobOptions, as_json: AsJson = False) -> None:
    """Explain which voice model a job gets by the CHIRP3_* variables, without any server."""
    settings = load_settings()
    state = rollout_state(settings.rollout, load_catalogue(settings.worker.characters_file).names)
    terminal.show_one(explain_decision(settings, state, job, Clock().now()).as_row(), as_json=as_json)
    if settings.rollout.source == "topic":
        terminal.note("ROLLOUT_SOURCE=topic: workers follow the topic; `rollout explain` reads it")


def explain_decision(settings: Settings, state: RolloutState, options: JobOptions, now: datetime) -> Explanation:
    """Explains the decision for a job that would be spoken at `now`.

    Raises:
        InvalidJobError: the options make no valid job.
    """
    catalogue = load_catalogue(settings.worker.characters_file)
    given = {name: value for name, value in asdict(options).items() if value is not None}
    document = json.dumps({"job_id": "decide", **given}).encode()
    job = parse_job(document, max_text_bytes=settings.worker.max_text_bytes)
    job = catalogue.localized(job)
    forced = catalogue.admit(job)
    request = decision_request(
        job,
        forced=forced.voice_model if isinstance(forced, Voice) else forced,
        chirp_speaks_language=catalogue.chirp_speaks(job.language),
    )
    return explain(state, job, request, now)
