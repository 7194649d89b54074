"""Takes of a script's lines on the local stack: made, chosen, delivered; killed in between; stopped by a cap."""

import asyncio
import hashlib
import json
import signal
from pathlib import Path

from loadtest.stack.local_stack import worker_environment
from loadtest.stack.processes import Process
from schemas.enums import Lane
from schemas.topics import LANES
from tests.stack.cli import CLI, run
from tests.stack.test_batch import document
from tests.until import HANG_S

CHIRP = ("--voice-model", "chirp3-hd")
PRICE = 30e-6
"""US dollars for a character of Chirp, at list price."""


def write(script: Path, *texts: str) -> None:
    rows = "".join(f'l-{number},ghoul,"{text}"\n' for number, text in enumerate(texts, start=1))
    script.write_text(f"job_id,character,text\n{rows}", encoding="utf-8")


def entries(script: Path, takes: str = "") -> dict[str, dict]:
    manifest = script.with_name(f"{script.name}{takes}.manifest.jsonl")
    return {each["line"]: each for each in map(json.loads, manifest.read_text().splitlines())}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_of_three_takes_the_second_is_chosen_downloaded_kept_and_delivered(deployment, tmp_path: Path):
    script, folder, delivery = tmp_path / "script.csv", tmp_path / "audio", tmp_path / "delivery"
    write(script, "They call me Smoothskin.", "I don't mind.")
    wanted = ("batch", str(script), *CHIRP, "--yes", "--json", "--download", str(folder))
    with deployment.worker():
        made = document(await run(deployment, *wanted, "--takes", "3"), 0)
        assert (made["candidates"], made["price"]["candidates"]) == ({"made": 4, "missing": 0, "left_out": 0}, 4)
        calls = await deployment.calls()
        assert made["price"]["rows"][-1]["characters"] == calls["billed_characters"]["total"]
        assert made["download"]["fetched"] + made["download_takes"]["fetched"] == 6
        # Nothing is missing any more.
        assert document(await run(deployment, *wanted, "--takes", "3"), 0)["price"]["rows"][-1]["lines"] == 0
        first, candidates = entries(script), entries(script, ".takes")
        assert sorted(candidates) == ["l-1.t2", "l-1.t3", "l-2.t2", "l-2.t3"]
        second = candidates["l-1.t2"]
        assert sha256(folder / "takes" / "ghoul" / "l-1.t2.ogg") == second["sha256"]

        chosen = await run(deployment, "batch", "choices", str(script), "l-1=2", "--json")
        assert [(each["line"], each["take"]) for each in json.loads(chosen.stdout)] == [("l-1", 2)]
        used = document(await run(deployment, *wanted), 0)
        assert used["price"]["usd"] == 0
        assert sha256(folder / "ghoul" / "l-1.ogg") == second["sha256"]
        # The take that was replaced is heard beside the others.
        assert entries(script, ".takes")["l-1.t1"]["sha256"] == first["l-1"]["sha256"]
        assert sha256(folder / "takes" / "ghoul" / "l-1.t1.ogg") == first["l-1"]["sha256"]

        write(script, "They call me Smoothskin.", "I never minded.")
        assert document(await run(deployment, *wanted), 0)["lines"]["edited"] == 1
        assert entries(script)["l-1"] | {"take": 2, "key": second["key"]} == entries(script)["l-1"]
        named = ("--name", "{id}_take{take}.{ext}", "--json")
        await run(deployment, "batch", "deliver", str(script), "--from", str(folder), "--out", str(delivery), *named)
        assert sorted(path.name for path in delivery.glob("*.wav")) == ["l-1_take2.wav", "l-2_take1.wav"]


async def test_a_verdict_is_served_once_and_its_new_take_is_used(deployment, tmp_path: Path):
    script = tmp_path / "script.csv"
    write(script, "They call me Smoothskin.", "I don't mind.", "As it was.")
    verdicts = tmp_path / "script.csv.verdicts.json"
    wanted = ("batch", str(script), *CHIRP, "--yes", "--json")
    with deployment.worker():
        document(await run(deployment, *wanted), 0)
        made = entries(script)
        said = [
            {"line": line, "verdict": "redo", "sha256": made[line]["sha256"], "at": "2026-11-29T16:00:00Z"}
            for line in ("l-1", "l-3")
        ]
        verdicts.write_text(json.dumps({"script": script.name, "verdicts": said}))
        write(script, "They call me Smoothskin.", "I don't mind.", "As it is now, and that is longer.")
        document(await run(deployment, *wanted), 0)
        redo = ("batch", "redo", str(script), "--verdicts", str(verdicts), "--use", "--yes", "--json")
        ended = await run(deployment, *redo)
        assert [(each["line"], each["take"]) for each in document(ended, 0)["takes"]] == [("l-1", 2)]
        assert "'l-3' has changed since it was heard" in ended.stderr
        again = await run(deployment, *redo)
        assert (again.returncode, "for this verdict 'l-1' has got take 2 already" in again.stderr) == (0, True)
        assert document(await run(deployment, *wanted), 0)["price"]["usd"] == 0
        assert entries(script)["l-1"]["take"] == 2
        status = document(await run(deployment, "batch", "status", str(script), "--json"), 0)
        assert (status["done"], status["candidates"]) == (3, 1)
        refused = await run(deployment, "batch", "redo", str(script), "l-9", "--yes")
        assert (refused.returncode, "'l-9' is no line of the script" in refused.stderr) == (2, True)
        by_id = await run(deployment, "takes", "redo", "l-1")
        assert (by_id.returncode, "chirp-worker batch redo SCRIPT l-1" in by_id.stderr) == (1, True)


async def test_a_redo_that_is_killed_goes_on_and_makes_each_take_once(deployment, tmp_path: Path):
    script, count = tmp_path / "script.csv", 12
    write(script, *(f"Line number {number}." for number in range(count)))
    lines = [f"l-{number}" for number in range(1, count + 1)]
    with deployment.worker():
        document(await run(deployment, "batch", str(script), *CHIRP, "--yes", "--json"), 0)
    command = ("batch", "redo", str(script), *lines, "--yes", "--json")
    # Nobody speaks: all jobs are under way when it is killed.
    process = Process("redo", [*CLI, *command], tmp_path / "redo.log", worker_environment(deployment.environment))
    assert len(await deployment.read(LANES[Lane.BATCH], 2 * count)) == 2 * count
    process.signal(signal.SIGKILL)
    await asyncio.to_thread(process.wait, HANG_S)
    process.stop()
    with deployment.worker():
        ended = await run(deployment, *command)
        takes = document(ended, 0)["takes"]
        assert "the last redo of these lines didn't come to its end, and goes on" in ended.stderr
        assert [(each["line"], each["take"], each["status"]) for each in takes] == [(line, 2, "done") for line in lines]
        # Asked again, it is another redo.
        again = document(await run(deployment, "batch", "redo", str(script), "l-1", "--yes", "--json"), 0)
        assert [(each["line"], each["take"]) for each in again["takes"]] == [("l-1", 3)]
    assert len(await deployment.read(LANES[Lane.BATCH], 2 * count + 1)) == 2 * count + 1
    completions = await deployment.completions(2 * count + 1)
    assert sum(attempt.calls for each in completions for attempt in each.attempts) == 2 * count + 1


async def test_the_cap_stops_a_run_and_the_next_one_makes_the_rest_each_line_once(deployment, tmp_path: Path):
    script, count = tmp_path / "script.csv", 6
    write(script, *(f"Line number {number}, which costs as much." for number in range(count)))
    length = len("Line number 0, which costs as much.")
    wanted = ("batch", str(script), *CHIRP, "--yes", "--json", "--cap")
    with deployment.worker():
        ended = await run(deployment, *wanted, f"{2.5 * length * PRICE:.6f}")
        capped = document(ended, 1)
        assert capped["capped"]["unsent"] == count - 2
        assert capped["capped"]["usd"] == round(2 * length * PRICE, 6)
        assert "4 lines are left, and the same command continues" in ended.stderr
        assert document(await run(deployment, *wanted, "1"), 0)["result"]["done"] == count
    assert len(await deployment.read(LANES[Lane.BATCH], count)) == count
    assert (await deployment.calls())["billed_characters"]["total"] == count * length
