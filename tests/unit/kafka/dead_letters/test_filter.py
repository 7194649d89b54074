"""What an operator may filter dead letters by."""

from __future__ import annotations

import sys

import pytest

from schemas.enums import PROBLEM_CLASSES, FailureClass
from schemas.errors import UsageError
from worker.cli.main import main
from worker.kafka.dead_letters.filter import parse_class

ALLOWED = (
    "allowed is invalid, quota, transient, timeout, bad_audio, denied, circuit_open, bad_input, storage, expired, "
    "cancelled, internal"
)


@pytest.mark.parametrize("name", PROBLEM_CLASSES)
def test_each_class_that_a_problem_may_have_is_allowed(name: str) -> None:
    assert parse_class("--class", name) == name


def test_the_classes_of_attempts_are_among_them() -> None:
    assert set(FailureClass) < set(PROBLEM_CLASSES)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", f"--class 'nonsense': {ALLOWED}"),
        ("", f"--class '': {ALLOWED}"),
        ("Timeout", f"--class 'Timeout': {ALLOWED}; did you mean timeout?"),
        ("bad-input", f"--class 'bad-input': {ALLOWED}; did you mean bad_input?"),
    ],
)
def test_any_other_class_is_refused_with_those_that_are_allowed(text: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_class("--class", text)
    assert str(refused.value) == says


@pytest.mark.parametrize(
    "command", [("dead-letters", "list"), ("dead-letters", "stats"), ("replay", "--dry-run")], ids=" ".join
)
def test_the_commands_refuse_it_before_they_ask_kafka(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "argv", ["chirp-worker", *command, "--class", "nonsense"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert ALLOWED in capsys.readouterr().err
