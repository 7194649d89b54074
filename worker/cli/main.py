"""The command line; each command is a few lines that call the module that does the work."""

import asyncio
import logging
import sys
from typing import Annotated

import typer

from worker.app.rollout_seed import rollout_state
from worker.cli import batch as batch_cli
from worker.cli import dead_letters as dead_letters_cli
from worker.cli import decision_options as asking
from worker.cli import enqueue as enqueue_cli
from worker.cli import lane as lane_cli
from worker.cli import rollout as rollout_cli
from worker.cli import takes as takes_cli
from worker.cli import terminal
from worker.cli.exit_codes import ExitCode, describe
from worker.config.settings import Settings, load_settings
from worker.kafka.client.admin import connect_admin
from worker.kafka.client.topics import create_topics
from worker.lifecycle.clock import Clock
from worker.observability.logs import configure_logs
from worker.speech.catalogue import load_catalogue
from worker.speech.catalogue_check import character_voices, check_voices

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Speaks a game's lines: Kafka jobs in, Google Text-to-Speech audio in S3 out. "
    "Settings come from the environment; `chirp-worker config show` lists them.",
)
topics_app = typer.Typer(no_args_is_help=True, help="The Kafka topics.")
voices_app = typer.Typer(no_args_is_help=True, help="The characters' voices.")
config_app = typer.Typer(no_args_is_help=True, help="The settings.")
app.add_typer(topics_app, name="topics")
app.add_typer(voices_app, name="voices")
app.add_typer(config_app, name="config")
app.add_typer(dead_letters_cli.app, name="dead-letters")
app.add_typer(batch_cli.app, name="batch")
app.add_typer(lane_cli.app, name="lane")
app.add_typer(rollout_cli.app, name="rollout")
app.add_typer(takes_cli.app, name="takes")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.callback()
def _quiet() -> None:
    # What a library has to say stands in the one line of the error that ends a command; `run` logs it all.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@app.command()
def run() -> None:
    """Take jobs, speak them, store the audio, publish completions; SIGTERM and Ctrl-C drain."""
    from worker.app.worker_app import run_worker

    settings = load_settings()
    configure_logs(settings.worker.log_level)
    try:
        asyncio.run(run_worker(settings))
    except asyncio.CancelledError:
        # Asked to end before it took jobs, or asked twice.
        raise typer.Exit(ExitCode.TERMINATED) from None


app.command()(enqueue_cli.enqueue)
app.command()(dead_letters_cli.replay)


@topics_app.command("create")
def topics_create(
    replication_factor: Annotated[
        int | None, typer.Option(min=1, help="Of new topics; default 3, or as many as there are brokers.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create the topics that are missing; say what is there and differs."""
    settings = load_settings()

    async def create() -> list[dict[str, object]]:
        async with connect_admin(settings.kafka) as admin:
            states = await create_topics(
                admin,
                settings.kafka.topic_prefix,
                settings.delivery.retry_delays,
                replication_factor,
                settings.delivery.reply_topics,
            )
        return [
            {
                "topic": each.name,
                "partitions": each.topic.partitions,
                "key": each.topic.key,
                "retention": terminal.retention(each.topic.retention_ms),
                "holds": each.topic.holds,
                "state": each.state,
            }
            for each in states
        ]

    terminal.show(asyncio.run(create()), as_json=as_json)


@voices_app.command("list")
def voices_list(as_json: AsJson = False) -> None:
    """Every character's voice by language and voice model, and whether Google has it."""
    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    listed = asyncio.run(_listed(settings))
    rows: list[dict[str, object]] = [
        {
            "character": each.character,
            "language": each.language,
            "voice model": each.voice.voice_model.value,
            "voice": each.voice.name,
            "gender": each.gender or "not listed by Google",
        }
        for each in character_voices(catalogue, listed)
    ]
    terminal.show(rows, as_json=as_json)


@voices_app.command("check")
def voices_check(as_json: AsJson = False) -> None:
    """Hold the catalogue against Google's list: missing voices (exit 1), genders that differ."""
    settings = load_settings()
    findings = check_voices(load_catalogue(settings.worker.characters_file), asyncio.run(_listed(settings)))
    rows: list[dict[str, object]] = [
        {"character": each.character, "severity": "error" if each.error else "warning", "finding": each.message}
        for each in findings
    ]
    terminal.show(rows, as_json=as_json, nothing="Google has every voice of the catalogue, and the genders agree.")
    if any(each.error for each in findings):
        raise typer.Exit(ExitCode.FAILED)


async def _listed(settings: Settings) -> dict[str, str]:
    from worker.speech.google import connect_google

    async with connect_google(settings.google) as google:
        return await google.voices()


@app.command("decide")
def decide_command(
    character: asking.Character = "pip_boy",
    text: asking.Text = "ok",
    user_id: asking.UserId = None,
    rollout_key: asking.RolloutKey = None,
    language: asking.Language = "en-US",
    voice: asking.ForcedVoice = None,
    as_json: AsJson = False,
) -> None:
    """Explain which voice model a job gets by the CHIRP3_* variables, without any server."""
    settings = load_settings()
    state = rollout_state(settings.rollout, load_catalogue(settings.worker.characters_file).names)
    asked = {"character": character, "text": text, "user_id": user_id, "rollout_key": rollout_key,
             "language": language, "voice": voice}  # fmt: skip
    terminal.show_one(asking.explain_decision(settings, state, asked, Clock().now()).as_row(), as_json=as_json)
    if settings.rollout.source == "topic":
        sys.stderr.write("chirp-worker: ROLLOUT_SOURCE=topic: workers follow the topic; `rollout explain` asks it\n")


@config_app.command("show")
def config_show(as_json: AsJson = False) -> None:
    """The effective settings; secrets are masked."""
    terminal.show(terminal.settings_rows(load_settings()), as_json=as_json)


@app.command()
def doctor() -> None:
    """Reach Kafka, S3 and Google, and say what to do where that fails."""
    from worker.cli.doctor import examine

    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    rollout = rollout_state(settings.rollout, catalogue.names)
    told = rollout.describe(catalogue.names)
    if settings.rollout.source == "topic" and not rollout.braked:
        told = (
            f"the rollout's topic decides, `chirp-worker rollout status` shows it; an empty one is seeded with: {told}"
        )
    typer.echo(f"ok    Settings: {told}")

    async def ask() -> bool:
        well = True
        async for finding in examine(settings, catalogue):
            typer.echo(f"{'ok   ' if finding.ok else 'FAIL '} {finding.subject}: {finding.message}")
            if finding.advice:
                typer.echo(f"      → {finding.advice}")
            well = well and finding.ok
        return well

    if not asyncio.run(ask()):
        raise typer.Exit(ExitCode.FAILED)


def main() -> None:
    """The entry point: an expected error ends in one line, never in a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        if (failure := describe(error)) is None:
            raise
        sys.stderr.write(f"chirp-worker: {failure.message}\n")
        sys.exit(failure.exit_code)
