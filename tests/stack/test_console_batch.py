"""A studio's run on the console, in a real browser: how far it is, its lines played by scene, and judged."""

import json

from tests.stack.browser import browser
from tests.stack.cli import run
from tests.stack.console import log_in, serve_console, visit_until
from tests.stack.test_batch_page import pressed
from tests.stack.test_console_lines import PLAYED, text_of

# There are runs, and the last report of each has come.
ENDED = """(rows => rows.length > 0 && rows.every(row => row.textContent.includes('ended')))(
  [...document.querySelectorAll('tbody tr')])"""


async def test_a_run_reports_and_its_lines_are_played_by_scene(deployment, tmp_path):
    script = tmp_path / "act-1.jsonl"
    lines = [
        {"job_id": f"l-{n}", "character": "pip_boy", "text": f"Line {n} of the act.", "scene": f"scene-{n % 2}"}
        for n in range(4)
    ]
    script.write_text("".join(f"{json.dumps(each)}\n" for each in lines), encoding="utf-8")
    with deployment.worker(), serve_console(deployment) as address:
        async with browser(tmp_path) as shown:
            await log_in(shown, address, "bert")
            await shown.visit(f"{address}/batch")
            assert "No run has reported" in await text_of(shown)
            ended = await run(deployment, "batch", str(script), "--yes")
            assert ended.returncode == 0, ended.stderr
            await visit_until(shown, f"{address}/batch", ENDED)
            row = await text_of(shown, "tbody tr")
            for said in ("act-1.jsonl", "ended", "4 of 4 done, 0 left", "USD expected"):
                assert said in row
            await shown.run("document.querySelector('tbody a').click()")
            await shown.until("document.getElementById('scene-2') !== null")
            assert await shown.run("[...document.querySelectorAll('tbody tr')].length") == 4
            assert "scene-0" in await text_of(shown, "#scene-1")
            assert "Line 0 of the act." in await text_of(shown)
            assert await shown.run(PLAYED) > 0
            await shown.run("document.querySelector('button[data-scene=lines-1]').click()")
            await shown.until("document.querySelector('button[data-scene=lines-1]').ariaPressed === 'true'")
            first, second = (f"document.querySelectorAll('#lines-1 audio')[{each}]" for each in (0, 1))
            await shown.until(f"{second}.currentTime > 0")
            assert await shown.run(f"{first}.ended")
            await shown.until("document.querySelector('button[data-scene=lines-1]').ariaPressed === 'false'")
            assert await shown.run("document.querySelectorAll('tr.playing').length") == 0
            await shown.visit(f"{address}/batch/nothing")
            assert "There is nothing at this address" in await text_of(shown)


async def open_run(shown, address: str) -> None:
    await visit_until(shown, f"{address}/batch", ENDED)
    await shown.run("document.querySelector('tbody a').click()")
    await shown.until("document.getElementById('scene-1') !== null")


def verdict_of(number: int) -> str:
    return f"document.querySelectorAll('tr[data-line]')[{number}].querySelector('.verdict')"


async def test_a_director_judges_lines_by_key_and_the_studio_has_the_verdicts_beside_the_script(deployment, tmp_path):
    script = tmp_path / "act-1.jsonl"
    texts = ("They call me Smoothskin.", "I don't mind.", "今天的輻射值偏低。")
    lines = [
        {"job_id": f"l-{n}", "character": "ghoul", "text": text, "language": "cmn-TW" if n == 2 else "en-US"}
        for n, text in enumerate(texts)
    ]
    script.write_text("".join(f"{json.dumps(each)}\n" for each in lines), encoding="utf-8")
    with deployment.worker(), serve_console(deployment) as address:
        ended = await run(deployment, "batch", str(script), "--yes", "--download", str(tmp_path / "audio"))
        assert ended.returncode == 0, ended.stderr
        async with browser(tmp_path) as shown:
            await log_in(shown, address, "otto")
            await open_run(shown, address)
            for key in ("j", "a"):
                await shown.run(pressed(key))
            await shown.until(f"{verdict_of(0)}.querySelector('.badge')?.textContent === 'Accept'")
            note = "document.activeElement"
            for key in ("j", "n"):
                await shown.run(pressed(key))
            await shown.until(f"{note}.name === 'note'")
            await shown.run(
                f"{note}.value = '<b>太快了</b>'; {note}.closest('tr').querySelector('[data-key=r]').click()"
            )
            await shown.until(f"{verdict_of(1)}.querySelector('.badge')?.textContent === 'Redo'")
            assert await shown.run(f"{verdict_of(1)}.querySelector('[name=note]').value") == "<b>太快了</b>"
            assert "otto, 20" in await shown.run(f"{verdict_of(1)}.textContent")
            for key in ("j", "r"):
                await shown.run(pressed(key))
            await shown.until(f"{verdict_of(2)}.querySelector('.badge') !== null")
            await shown.run(pressed("r"))
            await shown.until(f"{verdict_of(2)}.querySelector('.badge') === null")
            # Who only reads sees what was said, and gives no verdict.
            await shown.run("document.querySelector('form[action=\"/logout\"]').requestSubmit()")
            await shown.until("document.getElementById('token') !== null")
            await log_in(shown, address, "bert")
            await open_run(shown, address)
            assert await shown.run("document.querySelectorAll('.verdict form').length") == 0
            assert await shown.run(f"{verdict_of(1)}.querySelector('.quoted').textContent") == "<b>太快了</b>"
            assert await shown.run("document.querySelectorAll('.verdict b').length") == 0
        fetched = await run(deployment, "batch", "verdicts", str(script), "--fetch", "--json")
        assert fetched.returncode == 0, fetched.stderr
        rows = json.loads(fetched.stdout)
        assert [(each["line"], each["verdict"], each["note"], each["by"]) for each in rows] == [
            ("l-0", "accept", "", "otto"),
            ("l-1", "redo", "<b>太快了</b>", "otto"),
        ]
        assert "1 line left to redo" in fetched.stderr
        page = await run(deployment, "batch", "report", str(script), "--download", str(tmp_path / "audio"))
        assert page.returncode == 0, page.stderr
    async with browser(tmp_path) as shown:
        await shown.open(tmp_path / "audio" / "report.html")
        assert await shown.run("matching.filter(row => verdictOf(row)?.verdict === 'redo').map(row => row.line)") == [
            "l-1"
        ]


SRC = "[...document.querySelectorAll('tr[data-line=\"usual-1\"] audio')].map(each => each.getAttribute('src'))"


async def test_the_report_is_published_and_a_director_hears_and_chooses_another_take_of_it(deployment, tmp_path):
    script, audio = tmp_path / "act-1.csv", tmp_path / "audio"
    usual = [f"usual-{n},ghoul,Another settlement needs our help at number {n}.," for n in range(9)]
    lines = [
        "job_id,character,text,speaking_rate",
        *usual,
        "loud-1,ghoul,GET OUT OF THERE NOW BEFORE THE DOOR CLOSES.,2.0",
    ]
    script.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    with deployment.worker(), serve_console(deployment) as address:
        made = await run(deployment, "batch", str(script), "--yes", "--download", str(audio))
        assert made.returncode == 0, made.stderr
        redone = await run(deployment, "batch", "redo", str(script), "usual-1", "--yes")
        assert redone.returncode == 0, redone.stderr
        async with browser(tmp_path) as shown:
            await log_in(shown, address, "otto")
            script_run = "[...document.querySelectorAll('tbody a')].find(each => each.textContent === 'act-1.csv')"
            await visit_until(shown, f"{address}/batch", f"{ENDED} && {script_run} !== undefined")
            await shown.run(f"{script_run}.click()")
            await shown.until("document.getElementById('scene-1') !== null")
            run_page = await shown.run("location.pathname")
            assert "chirp-worker batch report SCRIPT --publish" in await text_of(shown)
            # Another script has the same name and other lines: its report is not this one's.
            other = tmp_path / "other" / "act-1.csv"
            other.parent.mkdir()
            other.write_text("job_id,character,text\nl-1,ghoul,Somebody else's line.\n", encoding="utf-8")
            report = ("batch", "report", str(other), "--publish")
            assert (await run(deployment, *report)).returncode == 0
            await shown.visit(f"{address}{run_page}")
            assert "chirp-worker batch report SCRIPT --publish" in await text_of(shown)
            report = ("batch", "report", str(script), "--download", str(audio), "--publish")
            for _again in range(2):
                published = await run(deployment, *report)
                assert published.returncode == 0, published.stderr
            assert "10 lines, at /batch/report-" in published.stderr
            await shown.visit(f"{address}{run_page}")
            await shown.run("document.querySelector('main a[href$=\"/report\"]').click()")
            await shown.until("document.getElementById('money') !== null")
            page = await text_of(shown)
            for said in ("[all-caps]", "than its voice does", "WaveNet, characters billed"):
                assert said in page, said
            own, other_take = await shown.run(SRC)
            assert own != other_take
            heard = "document.querySelectorAll('tr[data-line=\"usual-1\"] audio')[1]"
            await shown.run(f"{heard}.play()")
            await shown.until(f"{heard}.currentTime > 0")
            await shown.run(pressed("a"))
            said = "document.querySelectorAll('tr[data-line=\"usual-1\"] .verdict')[1].querySelector('.badge')"
            await shown.until(f"{said}?.textContent === 'Accept'")
            await shown.visit(f"{address}{run_page}/report?show=takes")
            assert await shown.run(
                "[...document.querySelectorAll('tr[data-line]')].map(each => each.dataset.line)"
            ) == [
                "usual-1",
                "usual-1",
            ]
