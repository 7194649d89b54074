"""A director hears two takes of a line in the console, chooses the second, and the studio's next runs use it."""

import json
from pathlib import Path

from tests.stack.browser import browser
from tests.stack.cli import run
from tests.stack.console import TOKENS, serve_console
from tests.stack.test_batch import document
from tests.stack.test_console_listen import hear_both, pressed


def entries(script: Path) -> dict[str, dict]:
    manifest = script.with_name(f"{script.name}.manifest.jsonl")
    return {each["line"]: each for each in map(json.loads, manifest.read_text().splitlines())}


async def choose_second(shown, address: str) -> None:
    await shown.visit(f"{address}/takes")
    await shown.run(f"document.getElementById('token').value = {TOKENS['lena']!r}")
    await shown.run("document.querySelector('main form').requestSubmit()")
    await shown.until("document.querySelector('audio') !== null")
    assert "Take 2 it is" in await shown.run("document.body.textContent")
    await hear_both(shown)
    await shown.run(pressed("2"))
    await shown.until("document.querySelector('tbody .badge.pass')?.textContent == 'Take 2'")


async def test_take_two_it_is_reaches_folder_manifest_and_report_and_stays(deployment, tmp_path):
    script, folder = tmp_path / "script.csv", tmp_path / "audio"
    script.write_text("job_id,character,text\nl-1,ghoul,They call me Smoothskin.\nl-2,ghoul,I don't mind.\n")
    wanted = ("batch", str(script), "--yes", "--json", "--download", str(folder))
    with deployment.worker(), serve_console(deployment) as address:
        document(await run(deployment, *wanted), 0)
        first = entries(script)
        redone = await run(deployment, "takes", "redo", first["l-1"]["job_id"])
        assert redone.returncode == 0, redone.stderr
        await deployment.completions(3)
        offered = json.loads((await run(deployment, "batch", "compare", str(script), "l-1", "--json")).stdout)
        assert offered == [{"line": "l-1", "used": 1, "stored takes": "1, 2", "pairs": 1}]
        refused = await run(deployment, "batch", "compare", str(script), "l-9")
        assert (refused.returncode, "'l-9' is no line of the script" in refused.stderr) == (2, True)
        async with browser(tmp_path) as shown:
            await choose_second(shown, address)
        fetched = await run(deployment, "batch", "choices", str(script), "--fetch", "--json")
        (choice,) = json.loads(fetched.stdout)
        assert (choice["line"], choice["take"], choice["by"]) == ("l-1", 2, "lena")
        written = (tmp_path / "script.csv.choices.yaml").read_text()
        assert written.startswith('"l-1": {take: 2, by: "lena", at: "')
        price = document(await run(deployment, *wanted), 0)["price"]
        assert price["usd"] == 0
        chosen = entries(script)
        assert (chosen["l-1"]["take"], chosen["l-2"]) == (2, first["l-2"])
        assert chosen["l-1"]["key"] != first["l-1"]["key"]
        script.write_text(script.read_text().replace("I don't mind.", "I never minded."))
        again = document(await run(deployment, *wanted), 0)
        assert (again["lines"]["edited"], again["lines"]["done"]) == (1, 1)
        assert entries(script)["l-1"] == chosen["l-1"]
        assert "choices written: 0" in (await run(deployment, "batch", "choices", str(script), "--fetch")).stderr
    page = Path((await run(deployment, "batch", "report", str(script), "--download", str(folder))).stdout.strip())
    assert '"take":2' in page.read_text(encoding="utf-8")
