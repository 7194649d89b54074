"""The console's lines and dead letters in a real browser: a line is heard, and a dead letter is edited and replayed."""

import aiohttp

from tests.stack.browser import browser
from tests.stack.console import TOKENS, log_in, serve_console
from tests.stack.deployment import job
from tests.stack.test_replay import letter, three_kinds, write

PLAYED = """new Promise(resolve => {
  const player = document.querySelector('audio');
  const done = () => resolve(player.error ? player.error.message : player.duration);
  player.addEventListener('timeupdate', () => player.currentTime > 0 && done());
  player.addEventListener('error', done);
  player.play();
})"""


async def text_of(shown, selector: str = "main") -> str:
    return await shown.run(f"document.querySelector({selector!r}).textContent")


async def test_a_line_is_found_and_heard_and_its_way_is_shown(deployment, tmp_path):
    with deployment.worker(), serve_console(deployment) as address:
        await deployment.produce([job(1, text="Dinner is served.", labels={"scene": "act-1"})])
        (completion,) = await deployment.completions(1)
        async with browser(tmp_path) as shown:
            await log_in(shown, address, "bert")
            await shown.visit(f"{address}/lines")
            await shown.run("document.querySelector('tbody a').click()")
            await shown.until("document.querySelectorAll('.step').length == 2")
            way = await text_of(shown)
            for said in ("Dinner is served.", "act-1", completion.voice, completion.audio.key, "percentage"):
                assert said in way
            assert abs(await shown.run(PLAYED) - completion.audio.duration_s) < 0.2
            await shown.visit(f"{address}/lines?job_id=nobody")
            assert "No record within this time" in await text_of(shown)


async def test_lines_are_searched_by_character_and_text_and_seen_as_a_waveform(deployment, tmp_path):
    with deployment.worker(), serve_console(deployment) as address:
        await deployment.produce(
            [
                job(1, text="Dinner is served.", character="codsworth"),
                job(2, text="晚餐準備好了。", character="codsworth", language="cmn-TW"),
                job(3, text="No dinner for ghouls.", character="ghoul"),
            ]
        )
        await deployment.completions(3)
        async with browser(tmp_path) as shown:
            await log_in(shown, address, "bert")
            for fields, wanted in (
                ({"text": "DINNER"}, ["job-1", "job-3"]),
                ({"text": "準備"}, ["job-2"]),
                ({"character": "codsworth"}, ["job-1", "job-2"]),
                ({"character": "codsworth", "text": "dinner"}, ["job-1"]),
                ({"text": "supper"}, []),
            ):
                await shown.visit(f"{address}/lines")
                filled = "".join(f"form.elements.{name}.value = {value!r};" for name, value in fields.items())
                await shown.run(f"(form => {{ {filled} form.requestSubmit(); }})(document.querySelector('main form'))")
                await shown.until("/match/.test(document.querySelector('[role=status]')?.textContent ?? '')")
                found = await shown.run(
                    "[...document.querySelectorAll('[role=status] tbody a')].map(each => each.textContent).sort()"
                )
                assert found == wanted, fields
            await shown.visit(f"{address}/lines?job_id=job-1")
            await shown.until("document.querySelector('svg.wave') !== null")
            assert (await shown.run("document.querySelector('svg.wave path').getBBox().height")) > 5
            assert await shown.run("document.querySelectorAll('[action=\"/lines/redo\"]').length") == 0


async def test_a_line_is_redone_once_after_its_price_was_shown(deployment, tmp_path):
    deployment.environment["CHIRP3_ROLLOUT_PERCENTAGE"] = "0"
    with deployment.worker(), serve_console(deployment) as address:
        await deployment.produce([job(1, text="Dinner is served.", labels={"scene": "act-1"})])
        (first,) = await deployment.completions(1)
        async with browser(tmp_path) as shown:
            await log_in(shown, address)
            await shown.visit(f"{address}/lines?job_id=job-1")
            await shown.run("document.querySelector('[action=\"/lines/redo\"]').requestSubmit()")
            await shown.until("document.getElementById('price') !== null")
            # 17 characters by WaveNet.
            assert "0.000068 USD" in await text_of(shown, "#price")
            assert len(await deployment.completions(1)) == 1
            confirm = await shown.run(
                "new URLSearchParams(new FormData(document.querySelector('#main form'))).toString()"
            )
            await shown.run("document.querySelector('#main form').requestSubmit()")
            await shown.until("document.querySelector('[role=status]')?.textContent.includes('Take 2') ?? false")
            second = next(each for each in await deployment.completions(2) if each.job_id == "job-1+take2")
            assert (second.take, second.labels, second.audio.key != first.audio.key) == (2, {"scene": "act-1"}, True)
            # The same form once more asks for a take that there is.
            again = await shown.run(
                "fetch('/lines/redo', {method: 'POST', body: new URLSearchParams(" + repr(confirm) + ")})"
                ".then(answer => answer.text())"
            )
            assert "next take is number 3 by now" in again


async def test_audio_is_for_takes_of_this_deployment_alone(deployment):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        with serve_console(deployment) as address:
            async with client.post(f"{address}/login", data={"token": TOKENS["bert"]}) as page:
                assert page.status == 200
            digest = "0" * 64
            ours = deployment.name
            others = ("", "x.txt", f"{ours}/../secret/wavenet/00/{digest}.ogg", f"{ours}/../wavenet/00/{digest}.ogg",
                      f"other/pip_boy/wavenet/00/{digest}.ogg", f"{ours}/pip_boy/wavenet/00/x.ogg")  # fmt: skip
            for key in others:
                async with client.get(f"{address}/lines/audio", params={"key": key}, allow_redirects=False) as answer:
                    assert answer.status == 404, key
            key = f"{deployment.name}/pip_boy/wavenet/00/{digest}.ogg"
            async with client.get(f"{address}/lines/audio", params={"key": key}, allow_redirects=False) as answer:
                assert answer.status == 302
                assert answer.headers["Location"].startswith(deployment.stack.s3)


async def test_a_dead_letter_is_opened_edited_and_replayed_after_a_dry_run(deployment, tmp_path):
    with deployment.worker(), serve_console(deployment) as address:
        await deployment.produce([job(1, character="nobody")])
        await deployment.dead_letters(1)
        async with browser(tmp_path) as shown:
            await log_in(shown, address)
            await shown.visit(f"{address}/dead-letters")
            assert "bad_input" in await text_of(shown, "tbody")
            await shown.run("document.querySelector('main a[href^=\"/dead-letters/\"]').click()")
            await shown.until("document.querySelector('#value') !== null")
            assert '"character": "nobody"' in await text_of(shown, "#value")
            opened = await shown.run("location.href")
            await shown.run("document.querySelector('[name=edits]').value = 'character=somebody'")
            await shown.run("document.querySelector('#main form').requestSubmit()")
            # The page of the letter has a message too.
            await shown.until("document.querySelector('[role=alert].said') !== null")
            assert "somebody" in await text_of(shown, ".said")
            # Not by the browser's history, which fills in what was typed before at a moment of its own.
            await shown.visit(opened)
            await shown.run("document.querySelector('[name=edits]').value = 'character=pip_boy'")
            await shown.run("document.querySelector('#main form').requestSubmit()")
            await shown.until("document.querySelector('.before-after') !== null")
            assert '"character": "pip_boy"' in await text_of(shown)
            assert len(await deployment.completions(1)) == 1
            await shown.run("document.querySelector('#main form').requestSubmit()")
            await shown.until("document.querySelector('[role=status]')?.textContent.includes('One letter') ?? false")
        completions = await deployment.completions(2)
        assert {each.status.value for each in completions} == {"failed", "done"}


async def test_a_replay_is_what_the_dry_run_showed(deployment, tmp_path):
    await write(deployment, *three_kinds(deployment, 2))
    with serve_console(deployment) as address:
        async with browser(tmp_path) as shown:
            await log_in(shown, address)
            await shown.visit(f"{address}/dead-letters?class=timeout")
            await shown.run("document.querySelector('[action=\"/dead-letters/replay\"]').requestSubmit()")
            await shown.until("document.querySelector('[name=confirmed]') !== null")
            assert "2 letters would be sent" in await text_of(shown)
            await write(deployment, letter(deployment, 99))
            await shown.run("document.querySelector('#main form').requestSubmit()")
            await shown.until("document.querySelector('.said') !== null")
            assert "nothing sent: the letters are others" in await text_of(shown, ".said")


async def test_a_line_that_waits_is_cancelled_once_confirmed_and_one_that_has_ended_is_not(deployment, tmp_path):
    cancel = "document.querySelector('[action=\"/lines/cancel\"]')"
    with serve_console(deployment) as address:
        await deployment.produce([job(1, text="Never said."), job(2, text="Said all the same.")])
        async with browser(tmp_path) as shown:
            await log_in(shown, address)
            await shown.visit(f"{address}/lines?job_id=job-1")
            await shown.run(f"{cancel}.requestSubmit()")
            await shown.until("document.querySelector('[name=confirmed]') !== null")
            assert "Never said." in await text_of(shown)
            await shown.run(f"{cancel}.requestSubmit()")
            await shown.until("document.querySelector('.step.cancellation') !== null")
            assert "/clients/anna" in await text_of(shown, ".step.cancellation")
            assert await shown.run(f"{cancel} === null"), "it is cancelled already"
            with deployment.worker():
                completions = {each.job_id: each for each in await deployment.completions(2)}
            assert {name: each.status for name, each in completions.items()} == {"job-1": "cancelled", "job-2": "done"}
            assert not completions["job-1"].attempts
            await shown.visit(f"{address}/lines?job_id=job-2")
            assert await shown.run(f"{cancel} === null")
            # A page that was opened before it ended.
            token = await shown.run("document.querySelector('[name=csrf]').value")
            body = f"csrf={token}&job_id=job-2&confirmed=yes"
            await shown.run(
                "fetch('/lines/cancel', {method: 'POST', body: new URLSearchParams(" + repr(body) + ")})"
                ".then(answer => answer.text()).then(text => { window.said = text; })"
            )
            assert "has ended" in await shown.run("window.said")
