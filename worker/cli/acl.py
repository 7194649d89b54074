"""The command that prints a role's rights in Kafka: `acl`."""

import re
from enum import StrEnum
from typing import Annotated, Final

import typer

from schemas.errors import UsageError
from worker.cli import terminal
from worker.cli.views.acl import kafka_acls_lines, terraform_blocks
from worker.config.settings import Settings, load_settings
from worker.kafka.acl.model import Names, Role
from worker.kafka.acl.rights import rights_of

# Kafka's own form of a principal: its type, a colon, a name.
_PRINCIPAL: Final = re.compile(r"[A-Za-z0-9_]+:[^\x00-\x1f\x7f]+")


class AclFormat(StrEnum):
    """How rights are printed."""

    KAFKA_ACLS = "kafka-acls"
    TERRAFORM = "terraform"


def acl(
    role: Annotated[Role, typer.Option(help="Who gets the rights.")],
    principal: Annotated[str, typer.Option(help="Kafka's name of who logs in, such as User:worker.")],
    output: Annotated[
        AclFormat, typer.Option("--format", help="Lines of kafka-acls.sh, or Terraform's provider Mongey/kafka.")
    ] = AclFormat.KAFKA_ACLS,
    reader_group: Annotated[
        str | None,
        typer.Option(help="The consumer group in which a game server or a studio's own program reads completions."),
    ] = None,
) -> None:
    """Print the rights in Kafka that a role needs, and no others; names follow the settings."""
    settings = load_settings()
    if not _PRINCIPAL.fullmatch(principal):
        raise UsageError(f"--principal {principal!r}: allowed is a type and a name, such as User:worker")
    if reader_group is not None and role not in {Role.GAME_SERVER, Role.STUDIO}:
        raise UsageError(f"--reader-group {reader_group!r}: allowed with --role game-server and --role studio")
    names = deployment_names(settings, reader_group)
    for group in (names.group_id, reader_group):
        # As a resource's name it stands for all groups.
        if group == "*":
            raise UsageError("a consumer group named '*': Kafka would allow all groups; give it another name")
    rights = rights_of(role, names)
    if output is AclFormat.TERRAFORM:
        lines = terraform_blocks(rights, principal)
    else:
        lines = kafka_acls_lines(rights, principal, settings.kafka.bootstrap_servers)
    for line in lines:
        terminal.say(line)


def deployment_names(settings: Settings, reader_group: str | None = None) -> Names:
    """The deployment's names by its settings."""
    return Names(
        topic_prefix=settings.kafka.topic_prefix,
        group_id=settings.kafka.group_id,
        delays=settings.delivery.retry_delays,
        reply_topics=settings.delivery.reply_topics,
        reader_group=reader_group,
        follows_topic=settings.rollout.source == "topic",
        exactly_once=settings.delivery.guarantee == "exactly-once",
        idempotence=settings.kafka.idempotence,
    )
