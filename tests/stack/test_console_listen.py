"""The listening room in a real browser: pairs are made within a limit, twenty are judged by a listener, and shown."""

import io
import json
from urllib.parse import unquote

import aiohttp
import numpy as np
import soundfile

from schemas.enums import Lane
from schemas.message_parsing import parse_pair, parse_vote
from schemas.topics import LANES, PAIRS, VOTES
from tests.stack.browser import browser
from tests.stack.cli import run
from tests.stack.console import TOKENS, log_in, serve_console
from tests.stack.deployment import job
from worker.console.access.login_link import login_link
from worker.speech.loudness import integrated_lufs

NUMBER = 20
KEYS = {"first": "1", "second": "2", "equal": "="}
JUDGED = "document.querySelector('progress')?.value"
FIRST_ROW = "[...document.querySelectorAll('tbody tr:first-child > *')].map(cell => cell.textContent.trim())"
HEARD_BOTH = "!document.querySelector('button[data-key]').disabled"


def pressed(key: str) -> str:
    """A script that presses a key."""
    return f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{key: {key!r}, bubbles: true}}))"


def script() -> str:
    """Twenty lines of a character; of the first ones WaveNet's take is there already."""
    return "job_id,character,text\n" + "".join(f"line-{n},pip_boy,This is pair {n}.\n" for n in range(NUMBER))


async def hear_both(shown) -> None:
    for player, key in enumerate(("a", "b")):
        await shown.run(f"window.heard = document.querySelectorAll('audio')[{player}]")
        # Again where the page's script didn't listen yet.
        unheard = "window.heard.paused && window.heard.currentTime == 0"
        await shown.until(f"({unheard} && {pressed(key)}), window.heard.currentTime > 0")
    await shown.until(HEARD_BOTH)


async def make_pairs(shown, address: str) -> None:
    """Looks at a price that is too high, then makes the pairs within another limit."""
    await log_in(shown, address)
    for limit, follows in (("0", "[role=alert]"), ("0.10", "form[action='/pairs/make']")):
        await shown.visit(f"{address}/pairs")
        boxes = "document.querySelectorAll('input[type=checkbox]')"
        await shown.run(f"{boxes}.forEach(box => {{ box.checked = box.name.endsWith('pip_boy') }})")
        await shown.run(f"document.querySelector('[name=limit]').value = {limit!r}")
        await shown.run(f"document.querySelector('[name=script]').value = {script()!r}")
        await shown.run("document.querySelector('main form').requestSubmit()")
        await shown.until(f"document.querySelector({follows!r}) !== null")
    row = await shown.run(FIRST_ROW)
    # Five takes are stored already, and not paid for.
    assert row[:4] == ["pip_boy", "0", str(NUMBER), str(2 * NUMBER - 5)]
    await shown.run("document.querySelector('form[action=\"/pairs/make\"]').requestSubmit()")
    await shown.until("document.querySelector('[hx-get]') === null && document.querySelector('progress')?.value == 20")


async def judge_by_link(shown, address: str) -> dict[str, str]:
    """Logs the listener in by a link, and judges all pairs by the keyboard; returns the choices by line."""
    given = {}
    await shown.visit(login_link(address, TOKENS["lena"]))
    await shown.until("document.getElementById('token').value !== ''")
    assert TOKENS["lena"] not in await shown.run("location.href")
    history = await shown.ask("Page.getNavigationHistory")
    assert not any(TOKENS["lena"] in each["url"] for each in history["entries"])
    await shown.run("document.activeElement.click()")
    for number in range(NUMBER):
        await shown.until(f"document.querySelector('audio') !== null && {JUDGED} == {number}")
        # Neither the text of the page nor its addresses say which take is Chirp's.
        page = await shown.run("document.documentElement.outerHTML")
        assert "chirp3-hd" not in page
        assert "wavenet" not in page.lower()
        line = await shown.run("document.querySelector('#pair .muted').textContent")
        choice = (*KEYS, "cannot_use")[number % 4]
        assert await shown.run("document.querySelector('button[data-key]').disabled")
        await hear_both(shown)
        if choice == "cannot_use":
            await shown.run("document.querySelector('[name=reason]').value = 'noise'")
        await shown.run(pressed(KEYS.get(choice, "x")))
        given[line] = choice
    await shown.until("document.querySelector('[role=status]') !== null")
    return given


async def loudness_of_pairs(address: str, count: int) -> list[tuple[float, float]]:
    """The loudness of both takes of pairs, as another listener gets them."""
    found = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await session.post(f"{address}/login", data={"token": TOKENS["mei"]})
        for _ in range(count):
            async with session.get(f"{address}/listen") as answer:
                page = await answer.text()
            levels = []
            for side in ("first", "second"):
                source = page.split(f'src="/listen/{side}?ticket=')[1].split('"')[0]
                async with session.get(f"{address}/listen/{side}?ticket={source}") as audio:
                    samples, rate = soundfile.read(io.BytesIO(await audio.read()), dtype="float32")
                assert np.abs(samples).max() < 1.0
                levels.append(integrated_lufs(samples, rate))
            found.append((levels[0], levels[1]))
            form = {
                "ticket": unquote(source),
                "choice": "equal",
                "csrf": page.split('name="csrf" value="')[1].split('"')[0],
            }
            async with session.post(f"{address}/listen", data=form) as voted:
                assert voted.ok
    return found


async def test_pairs_are_made_within_a_limit_judged_blindly_by_a_listener_with_a_link_and_shown(deployment, tmp_path):
    stored = [job(n, job_id=f"stored-{n}", text=f"This is pair {n}.", voice="wavenet") for n in range(5)]
    with deployment.worker(), serve_console(deployment) as address:
        await deployment.produce(stored)
        await deployment.completions(5)
        async with browser(tmp_path) as shown:
            await make_pairs(shown, address)
            found = [parse_pair(record.value) for record in await deployment.read(PAIRS, NUMBER)]
            pairs = {each.line: each for each in found}
            assert len(await deployment.read(LANES[Lane.BATCH], 2 * NUMBER - 5)) == 2 * NUMBER - 5
            await shown.run("document.querySelector('form[action=\"/logout\"]').requestSubmit()")
            await shown.until("document.getElementById('token') !== null")
            given = await judge_by_link(shown, address)
            votes = [parse_vote(record.value) for record in await deployment.read(VOTES, NUMBER)]
            assert {each.line: each.choice for each in votes} == given
            assert set(given) == set(pairs)
            for vote in votes:
                assert {vote.first.audio, vote.second.audio} == pairs[vote.line].takes
                assert {each.voice_model.value in each.voice.lower() for each in (vote.first, vote.second)} == {True}
                assert vote.listener_id == "lena"
                assert vote.fault is None or vote.fault.reason == "noise"
            # The order is drawn: that all twenty have the same one happens once in half a million times.
            assert len({vote.first.voice_model for vote in votes}) == 2
            levels = await loudness_of_pairs(address, 5)
            assert max(abs(first - second) for first, second in levels) <= 0.5
            await shown.run("document.querySelector('form[action=\"/logout\"]').requestSubmit()")
            await shown.until("document.getElementById('token') !== null")
            await log_in(shown, address, "bert")
            await shown.visit(f"{address}/results")
            row = await shown.run(FIRST_ROW)
            assert row[0] == "pip_boy"
            assert await shown.run("document.querySelectorAll('svg.results polyline').length") == 1
            table = await shown.run("fetch('/results/votes.csv').then(answer => answer.text())")
    ended = await run(deployment, "listening", "results", "--csv", "--picture", str(tmp_path / "votes.svg"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == table.splitlines()
    assert ended.stdout.splitlines()[1].startswith("pip_boy,25,")
    assert (tmp_path / "votes.svg").read_text().startswith("<svg")


async def test_the_command_line_makes_the_same_pairs_and_takes_them_away(deployment, tmp_path):
    (tmp_path / "script.csv").write_text(script())
    make = ("listening", "make", str(tmp_path / "script.csv"), "--character", "pip_boy", "--lines", "3")
    refused = await run(deployment, *make, "--cap", "0.0001", "--yes")
    assert refused.returncode == 2
    assert "limit=0.0001" in refused.stderr
    dry = await run(deployment, *make, "--dry-run", "--json")
    (planned,) = json.loads(dry.stdout)["characters"]
    assert (planned["pairs now"], planned["pairs after"], planned["takes to make"]) == (0, 3, 6)
    with deployment.worker():
        made = await run(deployment, *make, "--yes")
        assert made.returncode == 0, made.stderr
        completions = await deployment.completions(6)
        assert {each.decision.reason for each in completions} == {"forced"}
        assert {each.voice_model for each in completions} == {"chirp3-hd", "wavenet"}
        again = await run(deployment, *make, "--yes", "--json")
        assert json.loads(again.stdout)["price"]["usd"] == 0
        assert "0 jobs sent" in again.stderr
    # The latest lines of the lanes, without those of the pairs themselves.
    await deployment.produce([job(n, text=f"Latest {n}.") for n in range(2)])
    latest = await run(deployment, "listening", "make", "--character", "pip_boy", "--dry-run", "--json")
    assert json.loads(latest.stdout)["pairs"] == 2
    gone = await run(deployment, "listening", "remove", "--character", "pip_boy")
    assert gone.stdout.strip() == "3 pairs"
    assert (await run(deployment, "listening", "remove", "--all")).stdout.strip() == "0 pairs"
