"""Scripts of other tools on the local stack: imported, priced, spoken and downloaded; an edited sheet again."""

import json
from pathlib import Path

from tests.stack.cli import run
from tests.stack.test_batch import document
from tests.unit.batch.delivery.test_annotated import WITHOUT
from tests.unit.batch.scripts.tables.samples import SAMPLES, workbook

OPTIONS = {pair for sample in SAMPLES.values() for pair in zip(sample.options[::2], sample.options[1::2], strict=True)}
ROWS = [
    ["Line ID", "Speaker", "Dialogue"],
    ["s1", "Ghoul", "One."],
    ["s2", "Pip Boy", "Two."],
    ["s3", "Ghoul", "Three."],
]


async def test_a_folder_of_all_formats_is_spoken_at_the_price_that_was_shown(deployment, tmp_path: Path):
    script, folder = tmp_path / "script", tmp_path / "audio"
    script.mkdir()
    for sample in SAMPLES.values():
        (script / sample.file).write_bytes(sample.content)
    aliases = [each for option, value in OPTIONS if option == "--alias" for each in (option, value)]
    imported = await run(deployment, "batch", "import", str(script), "--character", "codsworth", *aliases, "--json")
    document(imported, 0)
    wanted = ("batch", str(script), "--yes", "--json", "--download", str(folder))
    priced = document(await run(deployment, *wanted, "--dry-run"), 0)
    with deployment.worker():
        reported = document(await run(deployment, *wanted), 0)
        calls = await deployment.calls()
    count = sum(len(sample.lines) for sample in SAMPLES.values())
    assert priced["price"] == reported["price"]
    assert {row["voice model"]: row["characters"] for row in reported["price"]["rows"]} == calls["billed_characters"]
    assert (reported["result"]["done"], reported["download"]["fetched"]) == (count, count)
    lines = {json.loads(line)["line"] for line in Path(f"{script}.manifest.jsonl").read_text("utf-8").splitlines()}
    assert lines == {line_id for sample in SAMPLES.values() for line_id, *_ in sample.lines}

    delivery = tmp_path / "delivery"
    wanted = ("batch", "deliver", str(script), "--from", str(folder), "--out", str(delivery), "--to", "godot")
    delivered = document(await run(deployment, *wanted, "--annotate", "--subtitles", "srt", "--json"), 0)
    assert (delivered["written"], delivered["problems"]) == (count, [])
    assert {note.partition(":")[0] for note in delivered["notes"]} == WITHOUT
    copies = {path.name for path in (delivery / "script").iterdir()}
    assert copies == SAMPLES.keys() - WITHOUT
    # What the tools get back is the same script: all of its lines are in the store.
    for name in WITHOUT:
        (delivery / "script" / name).write_bytes(SAMPLES[name].content)
    again = str(delivery / "script")
    document(await run(deployment, "batch", "import", again, "--character", "codsworth", *aliases, "--json"), 0)
    priced = document(await run(deployment, "batch", again, "--yes", "--json", "--dry-run"), 0)
    assert priced["lines"]["new"] == count
    assert sum(row["characters"] for row in priced["price"]["rows"]) == 0


async def test_of_an_edited_sheet_only_the_changes_are_made(deployment, tmp_path: Path):
    script, folder = tmp_path / "act.xlsx", tmp_path / "audio"
    script.write_bytes(workbook(Act_1=ROWS))
    document(await run(deployment, "batch", "import", str(script), "--json"), 0)
    wanted = ("batch", str(script), "--yes", "--json", "--download", str(folder))
    with deployment.worker():
        assert document(await run(deployment, *wanted), 0)["download"]["fetched"] == 3
        more = [["s3", "Ghoul", "Three and a half."], ["s4", "Ghoul", "Four."]]
        script.write_bytes(workbook(Act_1=[["Act 1, second draft", None, None], *ROWS[:3], *more]))
        again = document(await run(deployment, *wanted), 0)
    assert again["lines"] | {"new": 1, "edited": 1, "done": 2} == again["lines"]
    assert again["download"] | {"fetched": 2, "kept": 2} == again["download"]
