"""Three takes of a line are heard in the report; the second, chosen there, is delivered and stays after an edit."""

import hashlib
import json
from pathlib import Path

from tests.stack.browser import browser
from tests.stack.cli import run
from tests.stack.test_batch import document
from tests.stack.test_batch_page import HEARD, SELECTED, exported, pressed
from tests.stack.test_take_choices import entries


async def test_the_take_that_was_chosen_in_the_report_is_delivered_and_stays_after_an_edit_elsewhere(
    deployment, tmp_path
):
    script, folder, out = tmp_path / "script.csv", tmp_path / "audio", tmp_path / "delivery"
    script.write_text("job_id,character,text\nl-1,ghoul,They call me Smoothskin.\nl-2,ghoul,I don't mind.\n")
    wanted = ("batch", str(script), "--yes", "--json", "--download", str(folder))
    deliver = ("batch", "deliver", str(script), "--from", str(folder), "--out", str(out), "--json")
    with deployment.worker():
        document(await run(deployment, *wanted), 0)
        first = entries(script)
        # Canned speech is the same in each take: the second one is spoken by another voice of the emulator.
        for speech in ("espeak", "canned"):
            await deployment.control("PATCH", "/settings", {"speech": speech})
            redo = ("batch", "redo", str(script), "l-1", "--yes", "--download", str(folder))
            redone = await run(deployment, *redo)
            assert redone.returncode == 0, redone.stderr
        written = await run(deployment, "batch", "report", str(script), "--download", str(folder))
        assert written.returncode == 0, written.stderr
        page = Path(written.stdout.strip())
        async with browser(tmp_path) as shown:
            await shown.open(page)
            assert await shown.run(f"{SELECTED}") == "l-1"
            takes = await shown.run("takesOf(rows[0]).map(each => [each.take, each.audio, each.sha256])")
            assert [number for number, _, _ in takes] == [1, 2, 3]
            for number, audio, sha256 in (takes[0], takes[2], takes[1]):
                assert hashlib.sha256((folder / audio).read_bytes()).hexdigest() == sha256
                await shown.run(pressed(str(number)))
                await shown.until(f"{HEARD} && at('player').src.endsWith({audio!r})")
            verdicts = await exported(shown, tmp_path, "script.csv")
        second = takes[1][2]
        assert second not in {takes[0][2], takes[2][2]}
        chosen = await run(deployment, "batch", "choices", str(script), "--from", str(verdicts), "--json")
        assert chosen.returncode == 0, chosen.stderr
        assert [(each["line"], each["take"]) for each in json.loads(chosen.stdout)] == [("l-1", 2)]
        assert document(await run(deployment, *wanted), 0)["price"]["usd"] == 0
        assert (entries(script)["l-1"]["take"], entries(script)["l-1"]["sha256"]) == (2, second)
        assert entries(script)["l-1"]["key"] != first["l-1"]["key"]
        assert entries(script)["l-2"] == first["l-2"]
        assert hashlib.sha256((folder / "ghoul" / "l-1.ogg").read_bytes()).hexdigest() == second
        delivered = json.loads((await run(deployment, *deliver)).stdout)
        assert delivered["written"] == 2
        before = next(path for path in out.rglob("*l-1*")).read_bytes()
        script.write_text(
            script.read_text().replace(
                "I don't mind.", "I never minded and whatever it is that they call me I never will."
            )
        )
        again = document(await run(deployment, *wanted), 0)
        assert (again["lines"]["edited"], again["lines"]["done"]) == (1, 1)
        assert entries(script)["l-1"]["sha256"] == second
        delivered = json.loads((await run(deployment, *deliver)).stdout)
        assert (delivered["written"], delivered["up to date"]) == (1, 1)
        assert next(path for path in out.rglob("*l-1*")).read_bytes() == before
