"""The console's pages as pictures, in both languages and both schemes, from a phone to a wide screen."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.stack.browser import browser
from tests.stack.cli import run
from tests.stack.console import TOKENS, log_in, serve_console, visit_until
from tests.stack.console_scene import (
    CHARACTERS,
    fill_dead_letters,
    make_batch,
    make_report,
    open_listening,
    report_rounds,
    rounds,
    speak_lines,
    start_plan,
)

PICTURES = os.environ.get("PICTURES")
PAGES = ("rollout", "lines", "dead-letters", "fleet", "batch", "results", "pairs")
# Of both languages and both schemes docs/console.md shows these; WHOLE=1 draws all, from top to bottom.
DOCUMENTED = {("rollout", "zh-TW", "dark"), *((page, "en", "light") for page in PAGES if page != "pairs")}
WALL = {"width": 1920, "height": 1080, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}


async def draw(shown, path: Path, *, whole: bool) -> None:
    """A picture with few colours: a quarter of the bytes, and pages look the same."""
    await shown.picture(path, whole=whole)
    few = Image.open(io.BytesIO(path.read_bytes())).convert("RGB").quantize(96, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


async def choose(shown, language: str) -> None:
    await shown.run(f'document.querySelector("button[value={language}]")?.click()')
    await shown.until(f"document.documentElement.lang == {language!r} && document.readyState == 'complete'")


async def scheme(shown, name: str) -> None:
    await shown.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])


async def draw_lines(shown, address: str, folder: Path, *, whole: bool) -> None:
    await shown.visit(f"{address}/lines?job_id=job-3")
    await shown.until("document.querySelector('svg.wave') !== null")
    await draw(shown, folder / "line.png", whole=whole)
    if whole:
        await shown.run("document.querySelector('[action=\"/lines/redo\"]').requestSubmit()")
        await shown.until("document.getElementById('price') !== null")
        await draw(shown, folder / "redo.png", whole=whole)
    await shown.visit(f"{address}/lines?text=rain")
    await shown.until("/match/.test(document.querySelector('[role=status]')?.textContent ?? '')")
    await draw(shown, folder / "search.png", whole=whole)


async def draw_pairs(shown, address: str, folder: Path, *, whole: bool) -> None:
    """Pairs with their price, before they are made."""
    rows = [f"{each},{each},Another settlement needs us." for each in CHARACTERS]
    script = "\\n".join(["job_id,character,text", *rows])
    await shown.visit(f"{address}/pairs")
    await shown.run(f"document.querySelector('[name=script]').value = '{script}'")
    await shown.run("document.querySelector('main form').requestSubmit()")
    await shown.until("document.querySelector('form[action=\"/pairs/make\"]') !== null")
    await draw(shown, folder / "pairs-confirm.png", whole=whole)


async def draw_listening(shown, address: str, folder: Path, *, whole: bool) -> None:
    """What a listener sees, who has no other scope."""
    await shown.run("document.querySelector('form[action=\"/logout\"]').requestSubmit()")
    await shown.until("document.getElementById('token') !== null")
    await shown.run(f"document.getElementById('token').value = {TOKENS['lena']!r}")
    await shown.run("document.querySelector('main form').requestSubmit()")
    await shown.until("document.querySelector('audio') !== null")
    await draw(shown, folder / "listen.png", whole=whole)
    await shown.visit(f"{address}/takes")
    await draw(shown, folder / "takes.png", whole=whole)
    if whole:
        await choose(shown, "zh-TW")
        await scheme(shown, "dark")
        for page in ("listen", "takes"):
            await shown.visit(f"{address}/{page}")
            await draw(shown, folder / f"{page}-zh-TW-dark.png", whole=whole)


async def draw_batch(shown, address: str, folder: Path, *, whole: bool) -> None:
    """A run whose lines are judged."""
    await shown.visit(f"{address}/batch")
    await shown.run("document.querySelector('tbody a').click()")
    await shown.until("document.getElementById('scene-1') !== null")
    await shown.run("document.querySelectorAll('.verdict [data-key=a]')[0].click()")
    await shown.until("document.querySelectorAll('.said-by').length === 1")
    await shown.run("document.querySelectorAll('.verdict [name=note]')[1].value = 'Too fast.'")
    await shown.run("document.querySelectorAll('.verdict [data-key=r]')[1].click()")
    await shown.until("document.querySelectorAll('.said-by').length === 2")
    await draw(shown, folder / "batch-run.png", whole=whole)
    if whole:
        await choose(shown, "zh-TW")
        await scheme(shown, "dark")
        await draw(shown, folder / "batch-run-zh-TW-dark.png", whole=whole)
        await choose(shown, "en")
        await scheme(shown, "light")


async def draw_published(deployment, shown, address: str, page: Path, folder: Path) -> None:
    """The same report on the console: its script lies beside the folder of the audio, in which the page is."""
    script, audio = page.parent.parent / "act-1.csv", page.parent
    published = await run(deployment, "batch", "report", str(script), "--download", str(audio), "--publish")
    assert published.returncode == 0, published.stderr
    await visit_until(shown, f"{address}/batch", "document.querySelector('tbody a')?.href.endsWith('/report') ?? false")
    await shown.run("document.querySelector('tbody a').click()")
    await shown.until("document.getElementById('money') !== null")
    await draw(shown, folder / "batch-report.png", whole=False)


async def draw_report(shown, page: Path, folder: Path, *, whole: bool) -> None:
    """The page of `batch report`, with some verdicts; docs/studio.md shows it."""
    await shown.open(page)
    await shown.run(
        "at('by').value = 'mei'; judge(rows[0], 'accept'); say(rows[1], {verdict: 'redo', note: 'Too fast.'})"
    )
    await shown.run("select(2); play(rows[2], ownTake(rows[2]))")
    await shown.until("document.getElementById('player').currentTime > 0")
    await draw(shown, folder.parent / "report.png", whole=False)
    if whole:
        await scheme(shown, "dark")
        await draw(shown, folder / "report-dark.png", whole=False)
        await scheme(shown, "light")


@pytest.mark.skipif(PICTURES is None, reason="draws only where PICTURES names a folder: make console-pictures")
async def test_each_page_is_drawn(deployment, tmp_path):
    folder, whole = Path(PICTURES), os.environ.get("WHOLE") == "1"
    await start_plan(deployment)
    with deployment.worker():
        await speak_lines(deployment, 12)
        keys = [each.audio.key for each in await deployment.completions(12)]
        await make_batch(deployment, tmp_path)
        report = await make_report(deployment, tmp_path / "report")
    await open_listening(deployment, keys[:2])
    await fill_dead_letters(deployment)
    await report_rounds(deployment, rounds(4))
    with serve_console(deployment) as address:
        async with browser(tmp_path, size="1180,900") as shown:
            await log_in(shown, address, "nora")
            await shown.until("document.querySelectorAll('.spark').length > 0")
            for language in ("en", "zh-TW"):
                await shown.visit(f"{address}/rollout")
                await choose(shown, language)
                for name in ("light", "dark"):
                    await scheme(shown, name)
                    for page in (each for each in PAGES if whole or (each, language, name) in DOCUMENTED):
                        await shown.visit(f"{address}/{page}")
                        await draw(shown, folder / f"{page}-{language}-{name}.png", whole=whole)
            await shown.ask("Emulation.setDeviceMetricsOverride", **PHONE)
            await shown.visit(f"{address}/rollout")
            await draw(shown, folder / "rollout-phone.png", whole=whole)
            if whole:
                await shown.visit(f"{address}/lines?job_id=job-3")
                await shown.until("document.querySelector('svg.wave') !== null")
                await draw(shown, folder / "line-phone.png", whole=whole)
                await shown.ask("Emulation.setDeviceMetricsOverride", **WALL)
                await shown.visit(f"{address}/rollout")
                await draw(shown, folder / "rollout-wall.png", whole=False)
            await shown.ask("Emulation.clearDeviceMetricsOverride")
            await shown.visit(f"{address}/rollout")
            await choose(shown, "en")
            await scheme(shown, "light")
            await draw_lines(shown, address, folder, whole=whole)
            await draw_batch(shown, address, folder, whole=whole)
            await draw_published(deployment, shown, address, report, folder)
            await draw_report(shown, report, folder, whole=whole)
            await shown.visit(f"{address}/dead-letters")
            await shown.run("document.querySelector('main a[href^=\"/dead-letters/\"]').click()")
            await shown.until("document.querySelector('#value') !== null")
            await draw(shown, folder / "dead-letter.png", whole=whole)
            await shown.visit(f"{address}/rollout")
            await shown.run("document.querySelector('button[formaction=\"/rollout/promote\"]').click()")
            await shown.until("document.querySelector('.before-after') !== null")
            await draw(shown, folder / "confirm.png", whole=whole)
            await draw_pairs(shown, address, folder, whole=whole)
            await draw_listening(shown, address, folder, whole=whole)
