"""The report of a batch in a real browser, opened as a file: plays, is judged by key, and gives its verdicts back."""

import asyncio
import json
import math
from datetime import datetime
from pathlib import Path

from schemas.enums import AudioEncoding, VerdictChoice
from schemas.verdict import LineVerdict
from tests.stack.browser import Browser, browser
from tests.stack.hostile import HOSTILE
from tests.stack.test_console_accessibility import check_in_both_schemes
from tests.unit.batches import done, line, plan
from tests.unit.makers import audio
from tests.until import until
from worker.batch.entry import ManifestEntry, build_entry
from worker.batch.line_status import next_job
from worker.batch.report.outliers import SoundFigures
from worker.batch.report.page import render_report
from worker.batch.report.rows import AudioPlace, ReportInput
from worker.batch.scripts.model import Line
from worker.batch.takes_of_line import LineTake
from worker.batch.verdicts import read_verdicts, write_verdicts

SELECTED = "document.querySelector('tr[aria-current]').querySelector('a').textContent"
HEARD = "document.getElementById('player').currentTime > 0"


def pressed(key: str) -> str:
    return f"document.dispatchEvent(new KeyboardEvent('keydown', {{key: {key!r}, bubbles: true, cancelable: true}}))"


def entry_of(each: Line, number: int, **changes: object) -> ManifestEntry:
    (planned,) = plan(each)
    _, sent = next_job(planned, None)
    made = build_entry(sent, done(sent.job_id, planned.key))
    return made.model_copy(update={"sha256": f"{number:02x}" * 32, **changes})


def script_of(count: int = 12) -> ReportInput:
    """Two scenes; l-3 has three takes, l-5 is much too loud, and the last line wasn't made."""
    lines = [
        line(
            f"l-{n}", character="ghoul", scene="vault-door" if n <= 6 else "garden", text=f"Line {n} of the act, heard."
        )
        for n in range(1, count + 1)
    ]
    entries = {each.id: entry_of(each, n) for n, each in enumerate(lines[:-1], start=1)}
    takes = {key: (LineTake(1, own, is_own=True),) for key, own in entries.items()}
    others = (entry_of(lines[2], 100 + n, line=f"l-3.t{n}", take=n) for n in (2, 3))
    takes["l-3"] += tuple(LineTake(each.take, each, is_own=False) for each in others)
    sounds = {own.sha256: SoundFigures(-5.0 if key == "l-5" else -20.0, 0.1) for key, own in entries.items()}
    return ReportInput(lines, entries, lambda take: AudioPlace(f"{take.entry.line}.ogg"), takes=takes, sounds=sounds)


def write_page(folder: Path, given: ReportInput, title: str = "act 1.csv", *, seconds: float = 1.0) -> Path:
    sound = audio(AudioEncoding.OGG_OPUS, seconds=seconds)
    for takes in given.takes.values():
        for take in takes:
            (folder / f"{take.entry.line}.ogg").write_bytes(sound)
    page = folder / "report.html"
    page.write_text(render_report(given, title=title), encoding="utf-8")
    return page


async def exported(shown: Browser, folder: Path, title: str = "act 1.csv") -> Path:
    """Presses the button as a person does, and waits for the file."""
    await shown.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    path = folder / f"{title}.verdicts.json"
    path.unlink(missing_ok=True)
    await shown.run("document.getElementById('export').click()")
    await until(path.exists)
    return path


async def test_the_page_plays_line_after_line_and_filters(tmp_path: Path) -> None:
    page = write_page(tmp_path, script_of(), seconds=0.4)
    async with browser(tmp_path) as shown:
        await shown.open(page)
        rows = "document.querySelectorAll('#rows tbody tr:not(.scene)').length"
        assert await shown.run(rows) == 12
        assert await shown.run("[...document.querySelectorAll('.scene th')].map(each => each.firstChild.data)") == [
            "vault-door",
            "garden",
        ]
        await shown.run(pressed(" "))
        await shown.until(HEARD)
        # It goes on by itself, into the next scene too, and stops at the last line, which has no audio.
        await shown.until(f"{SELECTED} === 'l-7'")
        await shown.until(f"{SELECTED} === 'l-11' && document.getElementById('player').ended")
        assert abs(await shown.run("document.getElementById('player').duration") - 0.4) < 0.1
        await shown.run("at('show').value = 'outlier'; filter()")
        assert await shown.run(rows) == 1
        text = await shown.run("document.querySelector('#rows tbody').textContent")
        assert "It is louder than its voice is: -5.0 LUFS, the median is -20.0." in text
        await shown.run("at('show').value = ''; at('status').value = 'not made'; filter()")
        assert "l-12" in await shown.run("document.querySelector('#rows tbody').textContent")


async def test_verdicts_by_key_stay_over_a_reload_and_leave_as_a_file_that_the_batch_reads(tmp_path: Path) -> None:
    given = script_of()
    page = write_page(tmp_path, given)
    async with browser(tmp_path) as shown:
        await shown.open(page)
        await shown.run("at('by').value = 'mei'; at('by').dispatchEvent(new Event('change'))")
        await shown.run(pressed("a"))
        await shown.run(pressed("j"))
        await shown.run(pressed("r"))
        await shown.run(pressed("n"))
        await shown.until("document.getElementById('note').open")
        await shown.run("at('note-text').value = 'zu schnell, 太快了 <b>'; at('note').querySelector('.main').click()")
        await shown.until("document.querySelector('tr[aria-current]').textContent.includes('太快了 <b>')")
        await shown.run(pressed("ArrowDown"))
        assert await shown.run(SELECTED) == "l-3"
        for number in (3, 2):
            await shown.run(pressed(str(number)))
            await shown.until(f"{HEARD} && at('player').src.endsWith('l-3.t{number}.ogg')")
        await shown.run(pressed("1"))
        await shown.until(f"{HEARD} && at('player').src.endsWith('l-3.ogg')")
        await shown.run(pressed("2"))
        await shown.run(pressed("k") + ";" + pressed("k") + ";" + pressed("a"))
        assert await shown.run(SELECTED) == "l-1"
        await shown.run("location.reload()")
        await shown.until("document.querySelectorAll('[aria-pressed=true]').length === 2")
        found = read_verdicts(await exported(shown, tmp_path))
        assert found.keys() == {"l-2", "l-3"}, "a verdict given twice is taken back"
        redo, chosen = found["l-2"], found["l-3"]
        assert (redo.verdict, redo.note, redo.by) == (VerdictChoice.REDO, "zu schnell, 太快了 <b>", "mei")
        assert redo.sha256 == given.entries["l-2"].sha256
        assert isinstance(redo.at, datetime)
        assert (chosen.verdict, chosen.take, chosen.sha256) == (None, 2, f"{102:02x}" * 32)
        await shown.run("at('show').value = 'open'; filter()")
        left = await shown.run("matching.map(row => row.line)")
        assert left == [f"l-{n}" for n in range(1, 12) if n != 2]
        await shown.run("location.hash = '#line=l-9'")
        await shown.until(f"{SELECTED} === 'l-9'")
        await shown.run("location.hash = '#line=l-2'")
        await shown.until(f"{SELECTED} === 'l-2'")


async def test_a_file_of_verdicts_is_imported_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    given = script_of()
    page, file = write_page(tmp_path, given), tmp_path / "act 1.csv.verdicts.json"
    verdict = LineVerdict(line="l-4", verdict=VerdictChoice.REDO, note="again", by="otto")
    stale = LineVerdict(line="l-5", verdict=VerdictChoice.REDO, sha256="f" * 64)
    write_verdicts(file, "act 1.csv", [verdict, stale, LineVerdict(line="gone", note="x")])
    async with browser(tmp_path) as shown:
        await shown.open(page)

        async def hand(path: Path) -> None:
            root = (await shown.ask("DOM.getDocument"))["root"]["nodeId"]
            field = (await shown.ask("DOM.querySelector", nodeId=root, selector="#import"))["nodeId"]
            await shown.ask("DOM.setFileInputFiles", nodeId=field, files=[str(path)])

        for wrong, named in (
            ("{", "is no file of verdicts"),
            ('{"verdicts": 1}', "has no list"),
            ('{"verdicts": [{"line": "l-1", "verdict": "maybe"}]}', "verdicts.0.verdict is wrong"),
        ):
            bad = tmp_path / "bad.json"
            await asyncio.to_thread(bad.write_text, wrong)
            await hand(bad)
            await shown.until(f"at('problem').textContent.includes({named!r})")
        await hand(file)
        await shown.until(
            "at('shown').textContent.includes('2 verdicts imported, 0 older than those here, 1 of lines')"
        )
        assert await shown.run("at('problem').hidden")
        text = await shown.run("document.querySelector('tr[data-index=\"4\"]').textContent")
        assert "of an earlier take: redo" in text, "what was said of audio that is gone is no verdict"
        found = read_verdicts(await exported(shown, tmp_path))
        assert found == {"l-4": verdict}


async def test_hostile_texts_stand_there_as_texts(tmp_path: Path) -> None:
    lines = [line(f"l-{n}", scene=text, text="x") for n, text in enumerate(HOSTILE)]
    lines = [
        Line(each.job.model_copy(update={"text": text, "character": text}), text, each.place, each.columns)
        for each, text in zip(lines, HOSTILE, strict=True)
    ]
    verdicts = {
        each.id: LineVerdict(line=each.id, note=text, by=text) for each, text in zip(lines, HOSTILE, strict=True)
    }
    given = ReportInput(lines, {}, lambda _: AudioPlace(), verdicts=verdicts)
    page = write_page(tmp_path, given, title=HOSTILE[0])
    async with browser(tmp_path) as shown:
        await shown.open(page)
        texts = f"{json.dumps(list(HOSTILE))}.filter(each => !document.body.textContent.includes(each))"
        assert await shown.run(texts) == []
        assert await shown.run("window.hacked === undefined")
        assert (
            await shown.run("document.querySelectorAll('iframe, object, img, svg, math, template, base, link').length")
            == 0
        )
        assert await shown.run("document.scripts.length") == 2


async def test_nothing_keeps_people_out(tmp_path: Path) -> None:
    given = script_of()
    page = write_page(tmp_path, given)
    found: dict[str, object] = {}
    async with browser(tmp_path) as shown:
        await shown.open(page)
        await shown.run(pressed("a") + ";" + pressed("j") + ";" + pressed("r"))
        await shown.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
        await check_in_both_schemes(shown, "the report", found)
        await shown.run(pressed("n"))
        await shown.until("document.getElementById('note').open")
        await check_in_both_schemes(shown, "a note", found)
    assert found == {}


async def test_a_script_of_twenty_thousand_lines_is_a_page_of_some_megabytes_with_few_rows_at_once(
    tmp_path: Path,
) -> None:
    lines = [
        line(f"l-{n}", scene=f"scene-{n // 50}", text=f"Line {n}: they call me Smoothskin, and I don't mind.")
        for n in range(20_000)
    ]
    template = entry_of(lines[0], 0)
    entries = {
        each.id: template.model_copy(
            update={"line": each.id, "sha256": f"{n:064x}"[::-1], "duration_s": 2 + math.sin(n)}
        )
        for n, each in enumerate(lines)
    }
    given = ReportInput(lines, entries, lambda take: AudioPlace(f"pip_boy/{take.entry.line}.ogg"))
    page = tmp_path / "report.html"
    page.write_text(render_report(given, title="act.csv"), encoding="utf-8")
    assert page.stat().st_size < 10 * 2**20
    async with browser(tmp_path) as shown:
        await shown.open(page)
        assert await shown.run("document.querySelectorAll('#rows tr').length") < 250
        await shown.run("location.hash = '#line=l-19999'")
        await shown.until(f"{SELECTED} === 'l-19999'")
        await shown.run(
            "for (const row of rows) given.set(row.line, {verdict: 'redo', sha256: row.sha256, by: 'mei', at: '2026'});"
            "keep(); keepNow()"
        )
        assert await shown.run("at('problem').hidden"), "the browser keeps as many verdicts"
