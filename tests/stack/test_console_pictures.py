"""The console's pages as pictures, in both languages and both schemes, from a phone to a wide screen."""

import os
from pathlib import Path

import pytest

from tests.stack.browser import browser
from tests.stack.console import log_in, serve_console
from tests.stack.console_scene import fill_dead_letters, report_rounds, rounds, speak_lines, start_plan

PICTURES = os.environ.get("PICTURES")
PAGES = ("rollout", "lines", "dead-letters", "fleet")


@pytest.mark.skipif(PICTURES is None, reason="draws only when PICTURES names a folder: make console-pictures")
async def test_each_page_is_drawn(deployment, tmp_path):
    folder = Path(PICTURES)
    await start_plan(deployment)
    with deployment.worker():
        await speak_lines(deployment, 12)
    await fill_dead_letters(deployment)
    await report_rounds(deployment, rounds(4))
    with serve_console(deployment) as address:
        async with browser(tmp_path, size="1280,900") as shown:
            await log_in(shown, address)
            await shown.until("document.querySelector('.verdicts') !== null")
            for language in ("en", "zh-TW"):
                if language != "en":
                    await shown.run(f'document.querySelector("button[value={language}]").click()')
                    await shown.until(f"document.documentElement.lang == {language!r}")
                for scheme in ("light", "dark"):
                    await shown.ask(
                        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
                    )
                    for page in PAGES:
                        await shown.visit(f"{address}/{page}")
                        await shown.picture(folder / f"{page}-{language}-{scheme}.png", whole=True)
                await shown.ask(
                    "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True
                )
                for page in PAGES:
                    await shown.visit(f"{address}/{page}")
                    await shown.picture(folder / f"{page}-{language}-phone.png", whole=True)
                await shown.ask("Emulation.clearDeviceMetricsOverride")
            await shown.visit(f"{address}/lines?job_id=job-3")
            await shown.picture(folder / "line.png", whole=True)
            await shown.visit(f"{address}/dead-letters")
            await shown.run("document.querySelector('main a[href^=\"/dead-letters/\"]').click()")
            await shown.until("document.querySelector('#value') !== null")
            await shown.picture(folder / "letter.png", whole=True)
