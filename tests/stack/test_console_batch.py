"""A studio's run on the console, in a real browser: how far it is, its money, and its lines by scene, played."""

import json

from tests.stack.browser import browser
from tests.stack.cli import run
from tests.stack.console import log_in, serve_console
from tests.stack.test_console_lines import PLAYED, text_of


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
            await shown.visit(f"{address}/batch")
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
