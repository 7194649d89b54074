"""The command `cancel`: which ids it refuses before it asks Kafka, and what it sends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.cancellation import Cancellation
from worker.cli.main import app
from worker.kafka.client import events, producer


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []

    @asynccontextmanager
    async def connect(*_: object) -> AsyncIterator[None]:
        yield

    async def send(_producer: object, _settings: object, event: object) -> None:
        found.append(event)

    monkeypatch.setattr(producer, "connect_producer", connect)
    monkeypatch.setattr(events, "send_event", send)
    return found


def test_each_job_is_cancelled_once_by_who_types_it(sent: list[Any]) -> None:
    ended = CliRunner().invoke(app, ["cancel", "b", "a", "b", "--json"], env={"USER": "anna", "LOGNAME": "anna"})
    assert ended.exit_code == 0, ended.output
    assert all(isinstance(each, Cancellation) for each in sent)
    assert [each.job_id for each in sent] == ["b", "a"]
    assert {each.source for each in sent} == {"/users/anna"}
    assert len({each.cancellation_id for each in sent}) == 2
    assert [each["job"] for each in json.loads(ended.stdout)] == ["b", "a"]


@pytest.mark.parametrize("wrong", ["../x", "", "a b", "x" * 129, "\ud800"])
def test_an_id_that_no_job_may_have_is_refused_and_nothing_is_sent(sent: list[Any], wrong: str) -> None:
    ended = CliRunner().invoke(app, ["cancel", "good", wrong])
    assert str(ended.exception).startswith(f"job id {wrong[:100]!a}: allowed are 1 to 128 of")
    assert sent == []
