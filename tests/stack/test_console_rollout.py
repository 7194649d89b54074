"""The console's rollout page in a real browser: what a person sees, changes and may not change."""

import asyncio

import aiohttp
import pytest

from tests.stack.browser import browser
from tests.stack.cli import run
from tests.stack.console import TOKENS, log_in, serve_console
from tests.stack.test_rollout_cli import fold_of

FIGURE = "document.querySelector('.figure')?.textContent"
DONE = "document.querySelector('[role=status]')?.textContent ?? ''"


async def rollout(deployment, *arguments: str) -> None:
    ended = await run(deployment, "rollout", *arguments)
    assert ended.returncode == 0, ended.stderr


async def press(shown, verb: str, **fields: str) -> None:
    """Fills the fields of the form with a verb's button, and presses it, in one step: the page is live."""
    filled = "".join(f"button.form.elements[{name!r}].value = {value!r};" for name, value in fields.items())
    button = f"document.querySelector('button[formaction=\"/rollout/{verb}\"]')"
    await shown.run(f"(button => {{ {filled} button.click(); }})({button})")


@pytest.fixture
async def planned(deployment):
    deployment.environment["ROLLOUT_SOURCE"] = "topic"
    await rollout(deployment, "start", "production", "--yes", "--actor", "otto")
    return deployment


async def test_a_person_approves_promotes_excludes_and_turns_off_and_each_change_has_their_name(planned, tmp_path):
    with serve_console(planned) as address:
        async with browser(tmp_path) as shown:
            await log_in(shown, address)
            await shown.until(f"{FIGURE} == '10 %'")
            await press(shown, "approve", reason="no call since Monday")
            await shown.until(f"({DONE}).includes('no_complaints yes')")
            # What widens is shown before and after, and is made when it is confirmed.
            await press(shown, "promote", reason="quiet")
            await shown.until("document.querySelector('.before-after') !== null")
            shown_change = await shown.run("document.querySelector('main').textContent")
            assert "10 % of users" in shown_change
            assert "50 % of users" in shown_change
            assert (await fold_of(planned, 2)).revision == 2
            await shown.run("document.querySelector('main form').requestSubmit()")
            await shown.until(f"{FIGURE} == '50 %'")
            await shown.run("document.querySelector('input[value=ghoul]').form.querySelector('button').click()")
            await shown.until("document.querySelectorAll('.tile.excluded').length == 1")
            await shown.run("document.querySelector('button.off').click()")
            await shown.until(f"{FIGURE} == 'off'")
    revisions = (await fold_of(planned, 5)).accepted
    assert [(each.actor, each.reason) for each in revisions[1:]] == [
        ("anna", "no call since Monday"), ("anna", "quiet"), ("anna", ""), ("anna", ""),
    ]  # fmt: skip
    assert revisions[1].run.approvals[0].actor == "anna"
    assert revisions[3].excluded == ("ghoul",)
    assert (revisions[4].enabled, revisions[4].run.phase) == (False, "paused")


async def test_a_step_back_is_made_at_once_and_stands_there_with_its_reason_until_somebody_resumes(planned, tmp_path):
    await rollout(planned, "promote", "--yes", "--actor", "otto")
    with serve_console(planned) as address:
        async with browser(tmp_path) as shown:
            await log_in(shown, address)
            await shown.until(f"{FIGURE} == '50 %'")
            await press(shown, "step-back", reason="players complain of the ghoul")
            await shown.until(f"{FIGURE} == '10 %'")
            assert "players complain of the ghoul" in await shown.run("document.getElementById('stopped').textContent")
            await press(shown, "resume", reason="it was the microphone")
            await shown.until("document.querySelector('.badge.running') !== null")
            assert await shown.run("document.getElementById('stopped')") is None
    revisions = (await fold_of(planned, 4)).accepted
    assert [(each.run.stage, each.run.phase) for each in revisions[2:]] == [("10", "waiting"), ("10", "running")]


async def test_what_somebody_else_changes_is_seen_at_once_and_a_late_confirmation_changes_nothing(planned, tmp_path):
    with serve_console(planned) as address:
        async with browser(tmp_path) as shown:
            await log_in(shown, address)
            await shown.run("window.notReloaded = true; document.querySelector('[name=reason]').value = 'half typed'")
            await rollout(planned, "pause", "--actor", "bert")
            await shown.until("document.querySelector('.badge.paused') !== null")
            assert await shown.run("window.notReloaded")
            assert await shown.run("document.querySelector('[name=reason]').value") == "half typed"
            await press(shown, "promote")
            await shown.until("document.querySelector('.before-after') !== null")
            await rollout(planned, "exclude", "ghoul", "--actor", "bert")
            await shown.run("document.querySelector('main form').requestSubmit()")
            await shown.until("document.querySelector('.said') !== null")
            assert "bert made revision 3" in await shown.run("document.querySelector('.said').textContent")
    assert (await fold_of(planned, 3)).revision == 3


async def test_who_may_only_read_sees_everything_and_has_no_button(planned, tmp_path):
    with serve_console(planned) as address:
        async with browser(tmp_path) as shown:
            await log_in(shown, address, "bert")
            await shown.until(f"{FIGURE} == '10 %'")
            assert await shown.run("document.querySelectorAll('main button, button.off').length") == 0


async def test_an_answer_that_cannot_be_written_and_a_verb_that_is_refused_are_said_in_one_sentence(planned, tmp_path):
    with serve_console(planned) as address:
        async with browser(tmp_path) as shown:
            await log_in(shown, address)
            for verb, field, value, said in (
                ("approve", "question", "nobody asked", "the questions of stage 10 are no_complaints"),
                ("exclude", "character", "nobody", "is unknown; the characters are"),
                ("approve", "reason", "x" * 1001, "at most 1000"),
            ):
                await shown.visit(f"{address}/rollout")
                await shown.run("document.querySelector('[name=reason]').removeAttribute('maxlength')")
                await press(shown, verb, **{field: value})
                await shown.until("document.querySelector('.said') !== null")
                assert said in await shown.run("document.querySelector('.said').textContent")
    assert (await fold_of(planned, 1)).revision == 1


async def test_an_open_page_does_not_keep_the_process_from_stopping(planned):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        with serve_console(planned) as address:
            async with client.post(f"{address}/login", data={"token": TOKENS["bert"]}) as page:
                assert page.status == 200
            stream = await client.get(f"{address}/rollout/events")
            assert await stream.content.readline() == b"event: changed\n"
            reading = asyncio.create_task(stream.content.read())
        # The process has ended, and the stream with it.
        async with asyncio.timeout(60):
            await reading
