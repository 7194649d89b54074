"""Every error of ours has a family, and the command line turns each into one exit code and one line."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError
from google.auth.exceptions import DefaultCredentialsError

import schemas
import worker
from schemas.completion import Problem
from schemas.errors import ChirpWorkerError, RefusedError, UnavailableError, UsageError
from schemas.message_parsing import InvalidMessageError
from schemas.parsing import FieldProblem, InvalidJobError
from schemas.revision import Revision
from worker.batch.delivery.annotated.model import NoPlaceError
from worker.batch.regular_file import NotRegularFileError
from worker.batch.scripts.tables.archive import NotASpreadsheetError
from worker.batch.scripts.text_encoding import UndecodableError
from worker.cli import main as command_line
from worker.cli.exit_codes import describe
from worker.console.api.problems import ProblemError
from worker.console.lines.event_streams import TooManyStreamsError
from worker.console.lines.line_sender import JobIdTakenError, NotAcknowledgedError, TooManyUnacknowledgedError
from worker.console.lines.line_streams import StreamBrokenError
from worker.console.lines.waiters import StoppingError, TooManyWaitersError
from worker.jobs.errors import JobFailedError
from worker.jobs.single_flight import StillInFlightError
from worker.kafka.client.connection_problem import BrokerConnectionError
from worker.kafka.client.connection_problem import Problem as Refusal
from worker.kafka.client.health import StalledProducerError
from worker.kafka.client.oauth_token import TokenError
from worker.kafka.client.topics import TopicDeniedError, TopicError
from worker.kafka.consumer.offset_map import BrokenOffsetMapError
from worker.kafka.delivery.exactly_once import FencedError
from worker.kafka.delivery.sender import RecordTooLargeError
from worker.lifecycle.dependency import DependencyDownError, Outage
from worker.rollout.analysis.observations import UnreadableAttemptsError
from worker.rollout.log.writer import SupersededError
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.yaml import YamlError
from worker.speech.audio_format import BadAudioError
from worker.speech.failures import CallFailedError, classify_failure
from worker.storage.errors import (
    NotATakeError,
    StorageError,
    StorageRefusedError,
    StorageUnavailableError,
    StoreUnusableError,
)

WINNER = Revision(
    revision=1, base=0, id="a", time=datetime(2026, 1, 1, tzinfo=UTC), actor="anna", reason="", before="", after="",
    enabled=False, percentage=0, characters=None, excluded=(), quarantined={}, fallback=True, salt="",
)  # fmt: skip

EXIT_CODES: list[tuple[Exception, int]] = [
    (UsageError("x"), 2),
    (InvalidMessageError((FieldProblem("x", "y"),)), 2),
    (InvalidJobError("text", "x"), 2),
    (InvalidFileError("x"), 2),
    (NotRegularFileError(Path("x"), "is a FIFO"), 2),
    (RefusedError("x"), 2),
    (UnavailableError("x"), 1),
    (SupersededError(WINNER), 1),
    (CallFailedError(classify_failure("UNAVAILABLE", "x")), 1),
    (DependencyDownError(Outage("unreachable", "x", "y", "z")), 1),
    (FencedError("x"), 1),
    (StalledProducerError("x"), 1),
    (TopicDeniedError("x"), 1),
    (BrokerConnectionError(Refusal("login", "x", "y")), 1),
    (TokenError("x", "y"), 1),
    (TopicError("x"), 1),
    (StorageError("x"), 1),
    (StorageUnavailableError("x"), 1),
    (StorageRefusedError("x"), 1),
    (StoreUnusableError("x"), 1),
    (NotATakeError("x"), 1),
]

HANDLED_INSIDE: list[Exception] = [
    BadAudioError("x"),
    BrokenOffsetMapError("x"),
    JobIdTakenError("x"),
    NoPlaceError("x"),
    NotAcknowledgedError("x"),
    ProblemError(HTTPStatus.NOT_FOUND, "x", "y"),
    StoppingError("x"),
    TooManyStreamsError("x"),
    TooManyUnacknowledgedError("x"),
    TooManyWaitersError("x"),
    NotASpreadsheetError("x"),
    JobFailedError(Problem(failure_class="invalid", code="x", message="y")),
    RecordTooLargeError("x"),
    StillInFlightError(),
    StreamBrokenError("x"),
    UndecodableError([(1, 1, "x")]),
    UnreadableAttemptsError("x"),
    YamlError(),
]


def defined_errors() -> Iterator[type[BaseException]]:
    """Every public exception class that a module of ours defines."""
    for package in (schemas, worker):
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if each.name.endswith("__main__"):
                continue
            for name, found in vars(importlib.import_module(each.name)).items():
                is_error = isinstance(found, type) and issubclass(found, BaseException)
                if is_error and found.__module__ == each.name and not name.startswith("_"):
                    yield found


def test_every_public_error_has_the_base_and_stands_in_these_tables() -> None:
    found = set(defined_errors())
    assert {each for each in found if not issubclass(each, ChirpWorkerError)} == set()
    assert found - {ChirpWorkerError} == {type(each) for each in [*(each for each, _ in EXIT_CODES), *HANDLED_INSIDE]}


def end_of(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def fail() -> None:
        raise error

    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(("error", "status"), EXIT_CODES, ids=lambda each: type(each).__name__)
def test_each_class_of_error_has_its_exit_code_and_ends_in_one_line(
    error: Exception, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_of(error, monkeypatch) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("chirp-worker: ")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KafkaConnectionError("gone"), "Kafka: KafkaConnectionError: gone; `chirp-worker doctor` says more"),
        (BrokerConnectionError(Refusal("login", "it refuses", "log in")), "Kafka: it refuses; log in"),
        (KafkaError("a\nb"), "Kafka: KafkaError: a b; `chirp-worker doctor` says more"),
        (DefaultCredentialsError("none found"), "Google: none found"),
        (CallFailedError(classify_failure("UNAVAILABLE", "try again")), "Google: UNAVAILABLE: try again"),
        (FileNotFoundError(2, "No such file", "x"), "[Errno 2] No such file: 'x'"),
        (
            FileNotFoundError(2, "No such file", "/gone/x"),
            (
                "/gone/x: No such file; its folder isn't there: make it, or bring it back, and run the same command "
                "again: it goes on"
            ),
        ),
        (
            OSError(30, "Read-only file system", "x"),
            "x: Read-only file system; make it writable and run the same command again: it goes on",
        ),
        (TimeoutError("too late"), "too late"),
        (
            ExceptionGroup("g", [FencedError("fenced"), ExceptionGroup("h", [UsageError("wrong")])]),
            "stopped, nothing unacknowledged is committed: FencedError: fenced; UsageError: wrong",
        ),
    ],
)
def test_errors_of_libraries_and_groups_of_errors_end_in_one_line_and_exit_code_1(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_of(error, monkeypatch) == 1
    assert capsys.readouterr().err == f"chirp-worker: {line}\n"


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    assert end_of(KeyboardInterrupt(), monkeypatch) == 130


@pytest.mark.parametrize("error", [*HANDLED_INSIDE, ValueError("x"), KeyError("x")], ids=lambda e: type(e).__name__)
def test_an_error_that_must_not_reach_the_command_line_keeps_its_traceback(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(type(error)):
        command_line.main()
    assert describe(error) is None
