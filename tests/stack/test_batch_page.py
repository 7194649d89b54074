"""The report of a batch in a real browser: it plays a line from beside it, filters, and takes no text for markup."""

from pathlib import Path

from schemas.enums import AudioEncoding
from tests.stack.browser import browser
from tests.unit.batches import done, line, plan
from tests.unit.makers import audio
from worker.batch.entry import build_entry
from worker.batch.line_status import next_job
from worker.batch.report import AudioPlace, render_report

PLAYED = """new Promise(resolve => {
  const player = document.getElementById("player");
  const done = () => resolve(player.error ? player.error.message : player.duration);
  player.addEventListener("timeupdate", () => player.currentTime > 0 && done());
  player.addEventListener("error", done);
  document.querySelector("tbody button").click();
})"""


async def test_the_page_plays_a_line_and_filters(tmp_path: Path):
    lines = [line("l-1", text="Bold & “quoted”, 1 < 2 > 0"), line("l-2", character="ghoul"), line("l-3")]
    made = plan(*lines[:2])
    entries = {}
    for each in made:
        _, sent = next_job(each, None)
        entries[each.line.id] = build_entry(sent, done(sent.job_id, each.key))
    (tmp_path / "l-1.ogg").write_bytes(audio(AudioEncoding.OGG_OPUS, seconds=2.0))
    page = tmp_path / "report.html"
    text = render_report(lines, entries, title="act 1", audio=lambda entry: AudioPlace(f"{entry.line}.ogg"))
    page.write_text(text, encoding="utf-8")
    async with browser(tmp_path) as shown:
        await shown.open(page)
        rows = "document.querySelectorAll('tbody tr').length"
        assert await shown.run(rows) == 3
        assert await shown.run("document.querySelectorAll('tbody button').length") == 2
        assert lines[0].job.text in await shown.run("document.querySelector('tbody tr').textContent")
        assert abs(await shown.run(PLAYED) - 2.0) < 0.1
        assert await shown.run("document.getElementById('now').textContent") == "l-1"
        await shown.run("at('character').value = 'ghoul'; filter()")
        assert await shown.run(rows) == 1
        await shown.run("at('character').value = ''; at('status').value = 'not made'; filter()")
        assert "l-3" in await shown.run("document.querySelector('tbody').textContent")
