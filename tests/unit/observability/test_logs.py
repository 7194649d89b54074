"""Logs: JSON on standard error, for our own events and for the libraries' ones."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from worker.observability.logs import configure_logs


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    root, aiokafka = logging.getLogger(), logging.getLogger("aiokafka")
    before = (root.handlers, root.level, aiokafka.level)
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    root.handlers, root.level, aiokafka.level = before
    structlog.reset_defaults()


def test_an_event_is_one_line_of_json_with_its_level_and_time(lines: Any) -> None:
    configure_logs("info")
    log = structlog.get_logger()
    log.debug("hidden")
    log.info("started", rollout="全部")
    (line,) = lines()
    assert (line["event"], line["level"], line["rollout"]) == ("started", "info", "全部")
    assert line["timestamp"].endswith("Z")


def library(text: str, created: float, line: int = 1) -> None:
    record = logging.LogRecord("aiokafka.conn", logging.ERROR, "conn.py", line, text, None, None)
    record.created = created
    logging.getLogger("aiokafka.conn").handle(record)


def test_a_librarys_log_statement_is_passed_once_a_minute_whatever_broker_it_names(lines: Any) -> None:
    configure_logs("info")
    library("broker 1 is gone", 1000.0)
    library("broker 2 is gone", 1059.9)
    library("another statement", 1059.9, line=2)
    library("broker 1 is gone still", 1060.0)
    found = lines()
    assert [line["event"] for line in found] == ["broker 1 is gone", "another statement", "broker 1 is gone still"]
    assert {line["logger"] for line in found} == {"aiokafka.conn"}


@pytest.mark.parametrize(("level", "events"), [("info", ["w"]), ("debug", ["i", "w"]), ("error", [])])
def test_what_libraries_log_at_info_is_for_debugging_alone(lines: Any, level: str, events: list[str]) -> None:
    configure_logs(level)
    logging.getLogger("botocore").info("i")
    logging.getLogger("botocore").warning("w")
    assert [line["event"] for line in lines()] == events
