"""The listening room in a real browser: twenty blind pairs are heard and judged by the keyboard."""

import json

from schemas.message_parsing import parse_vote
from schemas.topics import VOTES
from tests.stack.browser import browser
from tests.stack.console import TOKENS, serve_console
from tests.stack.deployment import job

PAIRS = 20
KEYS = {"first": "1", "second": "2", "equal": "="}
JUDGED = "document.querySelector('progress')?.value"


async def make_pairs(deployment) -> dict[str, dict[str, str]]:
    """The pairs of real takes by their lines; their keys say which voice model spoke them."""
    jobs = [
        job(number, job_id=f"line-{number % PAIRS}-{model}", text=f"This is pair {number % PAIRS}.", voice=model)
        for number, model in enumerate(["chirp3-hd"] * PAIRS + ["wavenet"] * PAIRS)
    ]
    with deployment.worker():
        await deployment.produce(jobs)
        completions = await deployment.completions(2 * PAIRS)
    keys = {each.job_id: each.audio.key for each in completions}
    return {
        f"line-{n}": {"character": "pip_boy", "line": f"line-{n}", "text": f"This is pair {n}.",
                      "chirp": keys[f"line-{n}-chirp3-hd"], "wavenet": keys[f"line-{n}-wavenet"]}
        for n in range(PAIRS)
    }  # fmt: skip


def pressed(key: str) -> str:
    """A script that presses a key."""
    return f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{key: {key!r}, bubbles: true}}))"


async def test_twenty_pairs_are_judged_blindly_by_keys_and_stand_in_the_topic(deployment, tmp_path):
    pairs = await make_pairs(deployment)
    file = tmp_path / "pairs.jsonl"
    file.write_text("\n".join(map(json.dumps, pairs.values())))
    given = {}
    with serve_console(deployment, HTTP_API_PAIRS_FILE=str(file)) as address:
        async with browser(tmp_path) as shown:
            await shown.visit(f"{address}/listen")
            await shown.run(f"document.getElementById('token').value = {TOKENS['lena']!r}")
            await shown.run("document.querySelector('main form').requestSubmit()")
            for number in range(PAIRS):
                await shown.until(f"document.querySelector('audio') !== null && {JUDGED} == {number}")
                # Neither the text of the page nor its addresses say which take is Chirp's.
                page = await shown.run("document.documentElement.outerHTML")
                assert "chirp3-hd" not in page
                assert "wavenet" not in page.lower().replace("chirp 3", "")
                line = await shown.run("document.querySelector('#pair .muted').textContent")
                choice = (*KEYS, "cannot_use")[number % 4]
                assert await shown.run("document.querySelector('button[data-key]').disabled")
                for player, key in enumerate(("a", "b")):
                    await shown.run(f"window.heard = document.querySelectorAll('audio')[{player}]")
                    # Again where the page's script didn't listen yet.
                    unheard = "window.heard.paused && window.heard.currentTime == 0"
                    await shown.until(f"({unheard} && {pressed(key)}), window.heard.currentTime > 0")
                await shown.until("!document.querySelector('button[data-key]').disabled")
                if choice == "cannot_use":
                    await shown.run("document.querySelector('[name=reason]').value = 'noise'")
                await shown.run(pressed(KEYS.get(choice, "x")))
                given[line] = choice
            await shown.until("document.querySelector('[role=status]') !== null")
    votes = [parse_vote(record.value) for record in await deployment.read(VOTES, PAIRS)]
    assert {each.line: each.choice for each in votes} == given
    assert set(given) == set(pairs)
    for vote in votes:
        takes = {each.voice_model.value: each.audio for each in (vote.first, vote.second)}
        assert takes == {"chirp3-hd": pairs[vote.line]["chirp"], "wavenet": pairs[vote.line]["wavenet"]}
        assert {each.voice_model.value in each.voice.lower() for each in (vote.first, vote.second)} == {True}
        assert vote.listener_id == "lena"
        assert vote.fault is None or vote.fault.reason == "noise"
    # The order is drawn: that all twenty have the same one happens once in half a million times.
    assert len({vote.first.voice_model for vote in votes}) == 2
