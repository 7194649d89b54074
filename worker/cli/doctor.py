"""The command that checks a deployment: `doctor`."""

import asyncio
from typing import Annotated

import typer

from worker.app.rollout_seed import rollout_state
from worker.cli import terminal
from worker.cli.exit_codes import ExitCode
from worker.config.settings import Settings, load_settings
from worker.kafka.acl.model import Role
from worker.speech.catalogue import Catalogue
from worker.speech.catalogue_file import load_catalogue


def doctor(
    role: Annotated[Role, typer.Option(help="Whose rights in Kafka the login must have.")] = Role.WORKER,
) -> None:
    """Check that Kafka, S3 and Google can be reached, and print advice for each that can't."""
    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    terminal.say(f"ok    Settings: {_describe_rollout(settings, catalogue)}")
    terminal.say(f"ok    Group: {_describe_membership(settings)}")
    if not asyncio.run(_check(settings, catalogue, role)):
        raise typer.Exit(ExitCode.FAILED)


def _describe_membership(settings: Settings) -> str:
    kafka = settings.kafka
    after = f"after {kafka.session_timeout_s:g} s (KAFKA_SESSION_TIMEOUT_S) others do what a killed worker had"
    if kafka.group_instance_id is None:
        return f"{kafka.group_id}, dynamic membership; {after}"
    return (
        f"{kafka.group_id}, static membership as {kafka.group_instance_id!r}, which no other worker may have; "
        f"{after}, unless it is back by then"
    )


def _describe_rollout(settings: Settings, catalogue: Catalogue) -> str:
    rollout = rollout_state(settings.rollout, catalogue.names)
    by_variables = rollout.describe(catalogue.names)
    if settings.rollout.source == "env" or rollout.braked:
        return by_variables
    return (
        "the rollout's topic decides, `chirp-worker rollout status` shows it; an empty one is seeded with: "
        f"{by_variables}"
    )


async def _check(settings: Settings, catalogue: Catalogue, role: Role) -> bool:
    """Prints each result as soon as it is known; returns whether all are good."""
    from worker.cli.doctor_checks import check_dependencies

    all_ok = True
    async for result in check_dependencies(settings, catalogue, role):
        terminal.say(f"{'ok   ' if result.ok else 'FAIL '} {result.subject}: {result.message}")
        if result.advice:
            terminal.say(f"      → {result.advice}")
        all_ok = all_ok and result.ok
    return all_ok
