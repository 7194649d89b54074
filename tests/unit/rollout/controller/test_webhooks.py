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
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from structlog.testing import capture_logs

from schemas.revision import Approval
from tests.unit.makers import CATALOGUE
from tests.unit.rollout.controller.stories import PLAN, RUN, Story
from tests.unit.rollouts import NOW, value
from tests.until import loop_until
from worker.rollout import changes
from worker.rollout.controller import mailbox, manual_changes, receiver, stages
from worker.rollout.controller.metrics import RolloutMetrics
from worker.rollout.controller.receiver import build_receivers
from worker.rollout.controller.webhooks import RevisionHistory, WebhookNotifier
from worker.rollout.plan.parser import parse_plan


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


@pytest.fixture(autouse=True)
def _no_request_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "_TIMEOUT_S", 60.0)
    monkeypatch.setattr(mailbox, "_LAST_SEND_S", 60.0)


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


def notifier_of(
    session: Any, addresses: dict[str, SecretStr], history: RevisionHistory, retry_after_s: float = 1.0
) -> WebhookNotifier:
    receivers = build_receivers(session, addresses, {}, lambda: NOW)
    metrics = RolloutMetrics(CollectorRegistry())
    return WebhookNotifier(
        receivers,
        history,
        CATALOGUE.names,
        topic="tts.rollout",
        count=metrics.count_message,
        retry_after_s=retry_after_s,
    )


async def announce(webhooks: Webhooks, *values: bytes | None, audiences: str = "team players") -> list[dict[str, Any]]:
    """Handles all records one by one and returns the log."""
    history = RevisionHistory()
    addresses = {name: SecretStr(f"{webhooks.url}{name}") for name in audiences.split()}
    async with aiohttp.ClientSession() as session:
        notifier = notifier_of(session, addresses, history, retry_after_s=0.01)
        for each in values:
            history.revisions.add(each)
            history.position += 1
        with capture_logs() as logs:
            for offset, each in enumerate(values):
                await notifier.handle_record(offset, each)
            await notifier.drain()
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
    # Stage few has no announcements for the players, but for the roll-back from the stage that they heard of.
    to_players = [text for to, text in webhooks.messages if to == "players"]
    assert len(to_players) == 4
    assert "stage few begins, waits for a person" in to_players[-1]


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
        notifier = notifier_of(session, {"team": SecretStr(f"{webhooks.url}team")}, history)
        handling = asyncio.create_task(notifier.handle_record(0, record))
        await asyncio.sleep(0.05)
        assert not handling.done()
        history.revisions.add(record)
        history.position = 1
        await handling
        await notifier.drain()
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


SILENT = """
version: 1
name: silent
stages:
  - {name: few, percentage: 10, characters: all, at_least: 1d, tell: [team, stakeholders]}
  - {name: half, percentage: 50, characters: all, at_least: 1d}
  - {name: everybody, percentage: 100, characters: all, at_least: 1d}
"""


@pytest.mark.parametrize(
    ("tell", "audiences"),
    [
        ("", {"team", "stakeholders"}),
        ("tell: [oncall]", {"oncall"}),
        ("tell: [oncall, oncall, team]", {"oncall", "team"}),
    ],
)
async def test_a_roll_back_in_a_stage_without_audiences_reaches_the_plan_s_or_those_of_the_stages_before(
    webhooks: Webhooks, tell: str, audiences: set[str]
) -> None:
    text = SILENT + tell
    silent = parse_plan(text, "silent.yaml", CATALOGUE.names).plan
    story = Story()
    story.then(stages.start, silent, NOW, text=text, day_s=86_400.0, stage="half")
    story.then(changes.quarantine, "pip_boy", NOW + timedelta(days=1), reason="quarantined: error_rate")
    story.then(stages.turn_off_and_wait, NOW, reason="turned off: error_rate 50 %")
    story.then(stages.resume, silent, NOW, actor="anna")
    story.then(stages.wait, NOW, reason="waits: at_most")
    await announce(webhooks, *map(value, story.revisions), audiences="team stakeholders oncall")
    for event in ("quarantined: pip_boy", "CHIRP IS OFF", "waits for a person in stage half. 50"):
        assert sorted(to for to, text in webhooks.messages if event in text) == sorted(audiences)


async def test_a_roll_back_that_reaches_nobody_is_an_error_in_the_log(webhooks: Webhooks) -> None:
    story = Story()
    story.start()
    story.then(stages.turn_off_and_wait, NOW, reason="turned off: error_rate 50 %")
    logs = await announce(webhooks, *map(value, story.revisions), audiences="players")
    assert [each["event"] for each in logs if each["log_level"] == "error"] == ["rollout_nobody_notified"]


async def test_a_webhook_that_fails_holds_no_other_back_and_gets_the_newest_state_once_it_works(
    webhooks: Webhooks,
) -> None:
    story = Story()
    story.start()
    story.then(stages.promote, RUN, NOW)
    story.then(stages.turn_off_and_wait, NOW, reason="turned off: error_rate 50 %")
    story.then(stages.resume, RUN, NOW, actor="anna")
    webhooks.statuses["team"] = [500] * 3
    logs = await announce(webhooks, *map(value, story.revisions))
    assert [text.splitlines()[0].split(": ")[1].split(".")[0] for to, text in webhooks.messages if to == "players"] == [
        "stage everybody begins", "waits for a person in stage everybody, CHIRP IS OFF", "stage everybody begins again",
    ]  # fmt: skip
    (to_team,) = [text for to, text in webhooks.messages if to == "team"]
    assert "stage everybody begins again" in to_team
    assert to_team.endswith("(3 earlier messages couldn't be delivered.)")
    assert [each["event"] for each in logs if each.get("audience") == "team"] == [
        "rollout_webhook_failing",
        "rollout_webhook_recovered",
    ]


async def test_the_next_leader_sends_what_is_left_and_nobody_gets_a_message_twice(webhooks: Webhooks) -> None:
    story = Story()
    story.start()
    story.then(stages.promote, RUN, NOW)
    story.then(stages.turn_off_and_wait, NOW, reason="turned off: error_rate 50 %")
    values = [value(each) for each in story.revisions]
    history = RevisionHistory()
    for each in values:
        history.revisions.add(each)
        history.position += 1
    webhooks.statuses["team"] = [500] * 2
    addresses = {name: SecretStr(f"{webhooks.url}{name}") for name in ("team", "players")}
    async with aiohttp.ClientSession() as session:
        first = notifier_of(session, addresses, history, retry_after_s=60)
        assert first.begin(0, "") == 0
        for offset, each in enumerate(values[:2]):
            await first.handle_record(offset, each)
        await loop_until(lambda: webhooks.messages and first.waiting_for("team") and len(webhooks.statuses["team"]) < 2)
        await first.stop()
        webhooks.statuses["team"].clear()
        second = notifier_of(session, addresses, history)
        begin = second.begin(2, first.note)
        assert begin < 2
        for offset in range(begin, 3):
            await second.handle_record(offset, values[offset])
        await second.drain()
        assert second.note == ""
        assert second.begin(3, second.note) == 3
    assert len([to for to, _ in webhooks.messages if to == "players"]) == 2
    assert len(set(webhooks.messages)) == len(webhooks.messages)
    assert "CHIRP IS OFF" in [text for to, text in webhooks.messages if to == "team"][-1]


async def test_a_leader_that_has_handed_over_sends_nothing_of_the_record_that_it_was_at(webhooks: Webhooks) -> None:
    record = value(Story().start())
    history = RevisionHistory()
    addresses = {"team": SecretStr(f"{webhooks.url}team")}
    async with aiohttp.ClientSession() as session:
        first, second = (notifier_of(session, addresses, history) for _ in range(2))
        first.begin(0, "")
        at_it = asyncio.create_task(first.handle_record(0, record))
        await asyncio.sleep(0)
        await first.stop()
        history.revisions.add(record)
        history.position = 1
        await at_it
        await first.drain()
        assert webhooks.messages == []
        second.begin(0, first.note)
        await second.handle_record(0, record)
        await second.drain()
    assert [to for to, _ in webhooks.messages] == ["team"]


@pytest.mark.parametrize("note", ["", "{", "[1]", '{"team": "x"}', '{"nobody": 1}', '{"team": 9}'])
def test_a_note_that_says_nothing_begins_where_the_commit_is(note: str) -> None:
    notifier = notifier_of(Any, {"team": SecretStr("https://hooks.example/x")}, RevisionHistory())
    assert notifier.begin(5, note) == 5


async def test_audiences_with_one_address_get_one_message_together(webhooks: Webhooks) -> None:
    record = value(Story().then(stages.start, RUN, NOW, text=PLAN, day_s=86_400.0, stage="everybody"))
    history = RevisionHistory()
    history.revisions.add(record)
    history.position = 1
    same = SecretStr(f"{webhooks.url}channel")
    async with aiohttp.ClientSession() as session:
        notifier = notifier_of(session, {"team": same, "players": same}, history)
        await notifier.handle_record(0, record)
        await notifier.drain()
    assert [to for to, _ in webhooks.messages] == ["channel"]


async def test_an_audience_without_a_webhook_is_logged_and_the_others_get_the_message(webhooks: Webhooks) -> None:
    story = Story()
    story.start()
    story.then(stages.promote, RUN, NOW)
    logs = await announce(webhooks, *map(value, story.revisions), audiences="team")
    assert [to for to, _ in webhooks.messages] == ["team", "team"]
    assert [each["audience"] for each in logs if each["event"] == "rollout_audience_unreachable"] == ["players"]
