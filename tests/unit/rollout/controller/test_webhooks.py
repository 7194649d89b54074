"""Announcements of transitions: once each, by webhooks that may fail; records that don't count cause none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from structlog.testing import capture_logs

from schemas.revision import Approval, Measurement, Revision
from tests.unit.makers import CATALOGUE
from tests.unit.rollouts import NOW, value
from worker.rollout import changes
from worker.rollout.controller import manual_changes, stages
from worker.rollout.controller.webhooks import RevisionHistory, WebhookNotifier
from worker.rollout.log.codec import Provenance, to_revision
from worker.rollout.plan.parser import parse_plan
from worker.rollout.state import RolloutState

PLAN = """
version: 1
name: rehearsal
stages:
  - {name: few, percentage: 10, characters: all, at_least: 1d, tell: [team],
     approvals: [{name: no_complaints, question: "No complaints?"}]}
  - {name: everybody, percentage: 100, characters: all, at_least: 1d, tell: [team, players]}
"""
OFF = RolloutState(enabled=False, percentage=0, characters=None)
RUN = parse_plan(PLAN, "rehearsal.yaml", CATALOGUE.names).plan


class Story:
    """A history that tests go on with; `values` are its records."""

    def __init__(self) -> None:
        self.state = OFF
        self.revisions: list[Revision] = []

    def then(self, verb: Any, *arguments: Any, actor: str = "controller 1", reason: str = "", **named: Any) -> Revision:
        after = verb(self.state, *arguments, **named)
        measured = (Measurement(gate="error_rate", value=0.2, limit=0.1, sample=500, verdict="fail"),)
        made = to_revision(
            self.state,
            after,
            Provenance(actor, reason, measured),
            time=NOW,
            identity=f"{actor}-{len(self.revisions)}",
        )
        self.revisions.append(made)
        self.state = RolloutState(**{**after.__dict__, "revision": made.revision})
        return made

    def start(self) -> Revision:
        return self.then(stages.start, RUN, NOW, text=PLAN, day_s=86_400.0, actor="anna", reason="let's go")


class Webhooks:
    """Keeps the messages it accepts; the first statuses may be set."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.statuses: dict[str, list[int]] = {}
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        audience = request.match_info["audience"]
        statuses = self.statuses.get(audience, [])
        status = statuses.pop(0) if statuses else 200
        if status == 200:
            body = json.loads(await request.text())
            assert list(body) == ["text"]
            self.messages.append((audience, body["text"]))
        return web.Response(status=status)


@pytest.fixture
async def webhooks() -> AsyncIterator[Webhooks]:
    made = Webhooks()
    app = web.Application()
    app.add_routes([web.post("/{audience}", made.take)])
    server = TestServer(app)
    await server.start_server()
    made.url = str(server.make_url("/"))
    yield made
    await server.close()


async def announce(webhooks: Webhooks, *values: bytes | None, audiences: str = "team players") -> list[dict[str, Any]]:
    """Handles all records one by one and returns the log."""
    history = RevisionHistory()
    addresses = {name: SecretStr(f"{webhooks.url}{name}") for name in audiences.split()}
    async with aiohttp.ClientSession() as session:
        notifier = WebhookNotifier(session, addresses, history, CATALOGUE.names, retry_after_s=0.01)
        for each in values:
            history.revisions.add(each)
            history.position += 1
        with capture_logs() as logs:
            for offset, each in enumerate(values):
                await notifier.handle_record(offset, each)
    return [dict(each) for each in logs]


async def test_a_stage_that_begins_is_announced_to_its_audiences_with_what_a_person_can_do(webhooks: Webhooks) -> None:
    story = Story()
    await announce(webhooks, value(story.start()))
    text = (
        "Rollout rehearsal: starts with stage few. 10 % of users get Chirp for all characters.\n"
        "By anna: let's go.\n"
        'Before everybody somebody answers with `chirp-worker rollout approve`: no_complaints ("No complaints?").'
    )
    assert webhooks.messages == [("team", text)]


async def test_each_transition_is_announced_once_and_answers_are_not(webhooks: Webhooks) -> None:
    story = Story()
    story.start()
    answer = Approval(name="no_complaints", approved=True, actor="anna", time=NOW)
    story.then(manual_changes.answer, RUN, answer, actor="anna")
    story.then(stages.pause, NOW, actor="anna", reason="lunch")
    story.then(stages.resume, RUN, NOW, actor="anna")
    story.then(changes.quarantine, "pip_boy", NOW + timedelta(days=1), reason="quarantined: error_rate")
    story.then(stages.promote, RUN, NOW, reason="promoted: all gates pass")
    story.then(stages.wait, NOW, reason="waits: too long")
    story.then(stages.resume, RUN, NOW, actor="anna")
    story.then(stages.step_back, RUN, "few", NOW, reason="stepped back: error_rate 7 %")
    story.then(stages.turn_off_and_wait, NOW, reason="turned off: error_rate 50 %")
    await announce(webhooks, *map(value, story.revisions))
    lines = [text.splitlines()[0].removeprefix("Rollout rehearsal: ") for to, text in webhooks.messages if to == "team"]
    few, everybody = ("10 % of users get Chirp for all characters.", "100 % of users get Chirp for all characters.")
    assert lines == [
        f"starts with stage few. {few}",
        f"is paused in stage few. {few}",
        f"goes on in stage few. {few}",
        f"quarantined: pip_boy. {few}",
        f"stage everybody begins. {everybody} Before: {few}",
        f"waits for a person in stage everybody. {everybody}",
        f"stage everybody begins again. {everybody}",
        f"stage few begins, waits for a person in stage few. {few} Before: {everybody}",
        f"CHIRP IS OFF. No user gets Chirp. Before: {few}",
    ]
    # Stage few has no announcements for the players.
    assert len([to for to, _ in webhooks.messages if to == "players"]) == 3


async def test_records_that_don_t_count_are_not_announced(webhooks: Webhooks) -> None:
    story = Story()
    started = story.start()
    loser = started.model_copy(update={"id": "loser", "actor": "bert"})
    gap = started.model_copy(update={"id": "gap", "revision": 9, "base": 8})
    await announce(webhooks, value(started), value(loser), value(gap), b"rubbish", None)
    assert len(webhooks.messages) == 1
    assert "By anna" in webhooks.messages[0][1]


async def test_a_record_is_announced_only_once_the_log_is_read_past_it(webhooks: Webhooks) -> None:
    record = value(Story().start())
    history = RevisionHistory()
    async with aiohttp.ClientSession() as session:
        notifier = WebhookNotifier(session, {"team": SecretStr(f"{webhooks.url}team")}, history, CATALOGUE.names)
        handling = asyncio.create_task(notifier.handle_record(0, record))
        await asyncio.sleep(0.05)
        assert not handling.done()
        history.revisions.add(record)
        history.position = 1
        await handling
    assert len(webhooks.messages) == 1


async def test_without_a_plan_there_is_no_audience(webhooks: Webhooks) -> None:
    story = Story()
    story.then(changes.set_to, enabled=True, percentage=1_000, actor="anna")
    await announce(webhooks, *map(value, story.revisions))
    assert webhooks.messages == []


async def test_a_webhook_that_fails_for_a_while_gets_the_message_in_the_end(webhooks: Webhooks) -> None:
    webhooks.statuses["team"] = [500, 503, 429, 408]
    logs = await announce(webhooks, value(Story().start()))
    assert len(webhooks.messages) == 1
    assert not [each for each in logs if each["log_level"] == "error"]


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_a_webhook_that_refuses_is_logged_without_its_address_and_holds_nobody_up(
    webhooks: Webhooks, status: int
) -> None:
    webhooks.statuses["team"] = [status] * 2
    story = Story()
    story.start()
    story.then(stages.promote, RUN, NOW)
    logs = await announce(webhooks, *map(value, story.revisions))
    assert [to for to, _ in webhooks.messages] == ["players"]
    errors = [each for each in logs if each["event"] == "rollout_webhook_failed"]
    assert [(each["audience"], each["status"]) for each in errors] == [("team", status)] * 2
    assert webhooks.url not in str(errors)


async def test_an_audience_without_a_webhook_is_logged_and_the_others_get_the_message(webhooks: Webhooks) -> None:
    story = Story()
    story.start()
    story.then(stages.promote, RUN, NOW)
    logs = await announce(webhooks, *map(value, story.revisions), audiences="team")
    assert [to for to, _ in webhooks.messages] == ["team", "team"]
    assert [each["audience"] for each in logs if each["event"] == "rollout_audience_unreachable"] == ["players"]
