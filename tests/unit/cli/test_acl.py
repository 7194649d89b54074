"""`acl` prints what somebody can paste."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from worker.cli.main import app


def acl(*arguments: str, status: int = 0, **variables: str) -> str:
    ended = CliRunner().invoke(app, ["acl", *arguments], env=variables)
    assert ended.exit_code == status, ended.output
    return ended.output if status == 0 else str(ended.exception)


def test_names_follow_the_settings() -> None:
    shown = acl(
        "--role", "game-server", "--principal", "User:quest server", "--reader-group", "quests",
        KAFKA_BOOTSTRAP_SERVERS="kafka:9093", KAFKA_TOPIC_PREFIX="staging", REPLY_TOPICS="quest.replies",
    )  # fmt: skip
    begin = "kafka-acls.sh --bootstrap-server kafka:9093 --command-config admin.properties --add --allow-principal"
    lines = [line for line in shown.splitlines() if not line.startswith("#")]
    assert lines == [
        f"{begin} 'User:quest server' --operation Write --topic staging.dialogue",
        f"{begin} 'User:quest server' --operation Read --topic staging.completions",
        f"{begin} 'User:quest server' --operation Write --topic staging.feedback",
        f"{begin} 'User:quest server' --operation Write --topic staging.cancellations",
        f"{begin} 'User:quest server' --operation Read --topic quest.replies",
        f"{begin} 'User:quest server' --operation Read --group quests",
        f"{begin} 'User:quest server' --operation IdempotentWrite --cluster",
    ]


def test_terraforms_form() -> None:
    shown = acl("--role", "console", "--principal", "User:c", "--format", "terraform")
    assert shown.count('resource "kafka_acl"') == 26
    assert 'acl_principal                = "User:c"' in shown


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (
            ["--role", "worker", "--principal", "w"],
            {},
            "--principal 'w': allowed is a type and a name, such as User:worker",
        ),
        (["--role", "worker", "--principal", "User:a\nb"], {}, "--principal 'User:a\\nb': allowed is"),
        (["--role", "worker", "--principal", "User:w", "--reader-group", "g"], {}, "--reader-group 'g': allowed with"),
        (["--role", "worker", "--principal", "User:w"], {"KAFKA_GROUP_ID": "*"}, "Kafka would allow all groups"),
        (["--role", "studio", "--principal", "User:w", "--reader-group", "*"], {}, "Kafka would allow all groups"),
    ],
)
def test_what_would_allow_the_wrong_thing_is_refused(arguments: list[str], variables: dict, message: str) -> None:
    assert message in acl(*arguments, status=1, **variables)
