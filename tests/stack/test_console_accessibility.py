"""axe-core on each page of the console, in both languages and both schemes: nothing that keeps people out."""

import importlib.resources
import json

from tests.stack.browser import browser
from tests.stack.console import log_in, serve_console
from tests.stack.console_scene import (
    fill_dead_letters,
    make_batch,
    open_listening,
    publish_report,
    report_rounds,
    rounds,
    speak_lines,
    start_plan,
)
from tests.stack.deployment import job
from worker.console.web.language import LANGUAGES

AXE = importlib.resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
SCHEMES = ("light", "dark")
ADDRESSES = (
    *("/rollout", "/lines", "/lines?job_id=job-3", "/lines?job_id=job-99", "/lines?job_id=nobody", "/dead-letters"),
    *("/dead-letters/nothing", "/fleet", "/batch", "/results", "/pairs", "/nowhere"),
)
# Each opens a page that only a form leads to: where it stands, and how it is sent.
FORMS = {
    "/rollout": "document.querySelector('button[formaction=\"/rollout/promote\"]').click()",
    "/dead-letters": "document.querySelector('[action=\"/dead-letters/replay\"]').requestSubmit()",
    "/lines?job_id=job-99": "document.querySelector('[action=\"/lines/cancel\"]').requestSubmit()",
}
RUN = """axe.run(document, {resultTypes: ['violations']}).then(found => JSON.stringify(
  found.violations.filter(each => ['serious', 'critical'].includes(each.impact))
    .map(each => [each.id, ...each.nodes.map(node => `${node.html.slice(0, 200)}: ${node.failureSummary}`)])))"""


async def findings(shown) -> list[object]:
    await shown.run(f"{AXE}; true")
    return json.loads(await shown.run(RUN))


async def check_in_both_schemes(shown, page: str, found: dict[str, object]) -> None:
    for scheme in SCHEMES:
        await shown.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        if problems := await findings(shown):
            found[f"{page} {scheme}"] = problems


async def choose(shown, address: str, language: str) -> None:
    await shown.visit(f"{address}/lines")
    await shown.run(f"document.querySelector('button[value={language}]')?.click()")
    await shown.until(f"document.documentElement.lang === {language!r}")


async def check_pages(shown, address: str, language: str, found: dict[str, object]) -> None:
    """Each page of whoever has all scopes but listening's alone."""
    for page in ADDRESSES:
        await shown.visit(f"{address}{page}")
        await check_in_both_schemes(shown, f"{page} {language}", found)
    for page, send in FORMS.items():
        await shown.visit(f"{address}{page}")
        await shown.run(send)
        await shown.until("document.querySelector('[name=confirmed]') !== null")
        await check_in_both_schemes(shown, f"{page} {language}, to be confirmed", found)
    await shown.visit(f"{address}/batch")
    await shown.run("[...document.querySelectorAll('tbody a')].at(-1).click()")
    await shown.until("document.querySelectorAll('.verdict form').length === 6")
    await shown.run("document.querySelector('.verdict [data-key=r]').click()")
    await shown.until("document.querySelector('.verdict .said-by') !== null")
    await check_in_both_schemes(shown, f"a batch {language}", found)
    await shown.run("document.querySelector('main a[href$=\"/report\"]').click()")
    await shown.until("document.getElementById('money') !== null")
    await check_in_both_schemes(shown, f"a report {language}", found)
    await shown.visit(f"{address}/pairs")
    boxes = "document.querySelectorAll('input[type=checkbox]')"
    await shown.run(f"{boxes}.forEach(box => {{ box.checked = true }})")
    await shown.run("document.querySelector('[name=script]').value = 'job_id,character,text\\na,ghoul,Hi there.'")
    await shown.run("document.querySelector('main form').requestSubmit()")
    await shown.until("document.querySelector('form[action=\"/pairs/make\"]') !== null")
    await check_in_both_schemes(shown, f"/pairs {language}, to be confirmed", found)
    await shown.visit(f"{address}/dead-letters")
    await shown.run("document.querySelector('main a[href^=\"/dead-letters/\"]').click()")
    await shown.until("document.querySelector('#value') !== null")
    await check_in_both_schemes(shown, f"a dead letter {language}", found)
    for page in ("/listen", "/takes"):
        await shown.visit(f"{address}{page}")
        await shown.until("document.querySelector('audio') !== null")
        await check_in_both_schemes(shown, f"{page} {language}", found)


async def test_axe_finds_nothing_serious_on_any_page_in_any_language(deployment, tmp_path):
    await start_plan(deployment)
    with deployment.worker():
        await speak_lines(deployment, 6)
        keys = [each.audio.key for each in await deployment.completions(6)]
        await make_batch(deployment, tmp_path)
        await publish_report(deployment, tmp_path)
    await open_listening(deployment, keys[:2])
    await fill_dead_letters(deployment)
    await report_rounds(deployment, rounds(4))
    found: dict[str, object] = {}
    with serve_console(deployment) as address:
        # Nobody speaks it: it waits, and can be cancelled.
        await deployment.produce([job(99, text="Never said.")])
        async with browser(tmp_path) as shown:
            for language in LANGUAGES:
                await shown.visit(f"{address}/login")
                await shown.run(f"document.querySelector('button[value={language}]')?.click()")
                await shown.until(f"document.documentElement.lang === {language!r}")
                await check_in_both_schemes(shown, f"/login {language}", found)
            await log_in(shown, address, "nora")
            await shown.until("document.querySelectorAll('.spark').length > 0")
            for language in LANGUAGES:
                await choose(shown, address, language)
                await check_pages(shown, address, language, found)
    assert found == {}


async def test_a_page_that_keeps_people_out_would_be_found(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<html><body style='background:#fff'><p style='color:#ddd'>pale</p><input></body></html>")
    async with browser(tmp_path) as shown:
        await shown.open(page)
        assert {problem[0] for problem in await findings(shown)} >= {"color-contrast", "label", "html-has-lang"}
