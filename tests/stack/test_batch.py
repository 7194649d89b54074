"""`chirp-worker batch` on the local stack: all of its way, and its price against what Google was asked for."""

import asyncio
import hashlib
import json
import signal
import subprocess
from pathlib import Path

from loadtest.stack.local_stack import worker_environment
from loadtest.stack.processes import Process
from schemas.enums import AudioEncoding, Lane
from schemas.topics import LANES
from tests.stack.cli import CLI, run
from tests.stack.deployment import job
from tests.until import HANG_S, until
from worker.batch.backlog_reader import read_backlog
from worker.batch.file_names import audio_path
from worker.batch.kafka_lane import end_positions
from worker.config.settings import load_settings

LINES = (
    {"text": "Good morning."},
    {"text": "Careful. [pause] A step is missing. [pause long] Two."},
    {"text": "The same."},
    {"text": "The same."},
    {"text": "A ghoul & a <3.", "pronunciations": [{"phrase": "ghoul", "phonetic": "ɡuːl"}]},
    {"ssml": '<speak>Wait <break time="1s"/> for <emphasis>me</emphasis>.</speak>'},
    {"language": "cmn-TW", "text": "早安！今天的輻射值偏低。[pause]適合散步。"},
    {"text": "Forced.", "voice": "wavenet"},
)
# Two calls; in a form and at a rate that cost little time to make.
LONG = {
    "text": "It goes on and on, as you know. " * 170,
    "audio": {"encoding": "MULAW", "sample_rate": 8000},
    "speaking_rate": 2.0,
}


CHARACTERS = ("ghoul", "pip_boy", "raider")


def write(script: Path, *more: dict) -> None:
    lines = [
        {"job_id": f"{character}-{number}", "character": character, **line}
        for character in CHARACTERS
        for number, line in enumerate((*LINES, *more))
    ]
    script.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def document(ended: subprocess.CompletedProcess, status: int) -> dict:
    assert ended.returncode == status, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return json.loads(ended.stdout)


async def test_a_script_becomes_files_at_the_price_that_was_shown_and_only_once(deployment, tmp_path: Path):
    script, folder = tmp_path / "script.jsonl", tmp_path / "audio"
    count = len(CHARACTERS) * (len(LINES) + 1)
    write(script, LONG)
    wanted = ("batch", str(script), "--rollout-key", "line", "--yes", "--json", "--download", str(folder))
    refused = document(await run(deployment, *wanted, "--budget", "0.0001"), 2)
    assert "more than the budget" in refused["refused"]
    assert document(await run(deployment, *wanted, "--budget", "0.0001", "--dry-run"), 2) == refused
    with deployment.worker():
        reported = document(await run(deployment, *wanted), 0)
        calls = await deployment.calls()
        price = {row["voice model"]: row["characters"] for row in reported["price"]["rows"]}
        assert price == calls["billed_characters"]
        assert len(price) == 3
        assert reported["result"]["characters billed"] == price["total"]
        assert reported["result"]["done"] == count
        assert reported["download"]["fetched"] == count

        write(script, LONG, {"text": "One line more."})
        again = document(await run(deployment, *wanted), 0)
        assert again["lines"] | {"new": 3, "done": count} == again["lines"]
        assert again["download"] | {"fetched": 3, "kept": count} == again["download"]
    assert len(await deployment.read(LANES[Lane.BATCH], count + 3)) == count + 3

    entries = [json.loads(line) for line in (tmp_path / "script.jsonl.manifest.jsonl").read_text().splitlines()]
    assert len([path for path in folder.rglob("*") if path.is_file()]) == len(entries)
    for entry in entries:
        path = folder / audio_path(entry["character"], entry["line"], AudioEncoding(entry["encoding"]))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
    delivery = tmp_path / "delivery"
    wanted = ("batch", "deliver", str(script), "--from", str(folder), "--out", str(delivery), "--to", "wwise", "--json")
    delivered = document(await run(deployment, *wanted), 0)
    assert delivered["written"] == len(delivered["files"]) == len(entries)
    assert all(-23.5 < file["lufs"] < -22.5 and file["peak_dbtp"] < -1 for file in delivered["files"].values())
    assert len((delivery / "wwise-en-US.txt").read_text(encoding="utf-8").splitlines()) > 1
    assert document(await run(deployment, *wanted), 0)["up to date"] == len(entries)
    shown = await run(deployment, "batch", "report", str(script), "--download", str(folder))
    assert '"audio":"ghoul/ghoul-0.ogg"' in Path(shown.stdout.strip()).read_text(encoding="utf-8")


async def test_failed_lines_are_reported_and_retried_and_lines_with_errors_can_be_left_out(deployment, tmp_path: Path):
    script = tmp_path / "script.csv"
    script.write_text("job_id,character,text\na,ghoul,Good.\nb,ghoul,Refused.\nc,nobody,Hi.\n", encoding="utf-8")
    await deployment.set_faults({"kind": "status", "code": "INVALID_ARGUMENT", "text_pattern": "Refused"})
    with deployment.worker():
        reported = document(await run(deployment, "batch", str(script), "--leave-out", "--yes", "--json"), 1)
        assert (reported["result"]["done"], reported["result"]["failed"]) == (1, 1)
        assert [each["line"] for each in reported["failures"]] == ["b"]
        # Neither by itself, nor while it fails.
        reported = document(await run(deployment, "batch", str(script), "--leave-out", "--yes", "--json"), 1)
        assert reported["lines"]["failed"] == 1
        await deployment.set_faults()
        reported = document(await run(deployment, "batch", "retry", str(script), "--leave-out", "--yes", "--json"), 1)
        assert (reported["result"]["done"], reported["result"]["failed"]) == (2, 0)
    status = document(await run(deployment, "batch", "status", str(script), "--json"), 0)
    assert (status["done"], status["failures"]) == (2, [])


async def test_the_rollouts_topic_decides_where_the_settings_say_so(deployment, tmp_path: Path):
    script = tmp_path / "script.jsonl"
    write(script)
    deployment.environment["ROLLOUT_SOURCE"] = "topic"
    everybody = ("rollout", "set", "--enabled", "--percentage", "100", "--yes", "--actor", "anna")
    assert (await run(deployment, *everybody)).returncode == 0
    await run(deployment, "rollout", "exclude", "ghoul", "--actor", "anna")
    reported = document(await run(deployment, "batch", str(script), "--dry-run", "--json"), 0)
    assert "except ghoul (excluded)" in reported["rollout"]
    chirp = {row["character"]: row["chirp3-hd"] for row in reported["voices"] if row["language"] == "en-US"}
    assert chirp == {"ghoul": 0, "pip_boy": len(LINES) - 2, "raider": len(LINES) - 2}
    assert not list(tmp_path.glob("*.manifest.jsonl"))


async def test_ctrl_c_ends_it_and_the_same_command_goes_on(deployment, tmp_path: Path):
    script = tmp_path / "script.jsonl"
    write(script)
    command = [*CLI, "batch", str(script), "--yes"]
    # Nobody speaks: all jobs are under way when it is stopped.
    process = Process("batch", command, tmp_path / "batch.log", worker_environment(deployment.environment))
    count = len(CHARACTERS) * len(LINES)
    # Of the two lines that are the same the second waits.
    sent = count - len(CHARACTERS)
    assert len(await deployment.read(LANES[Lane.BATCH], sent)) == sent
    process.signal(signal.SIGINT)
    assert await asyncio.to_thread(process.wait, HANG_S) == 130
    assert "the same command continues" in process.log_end()
    process.stop()
    with deployment.worker():
        reported = document(await run(deployment, *command[len(CLI) :], "--json"), 0)
    assert reported["result"]["done"] == count
    # Each line had one job, and of the lines that are the same the second found the first one's take.
    assert sum(bool(each.attempts) for each in await deployment.completions(count)) == sent
    assert len(await deployment.read(LANES[Lane.BATCH], count)) == count


async def test_a_batch_that_hears_nothing_knows_what_is_before_it_and_what_waits(deployment):
    settings = load_settings(deployment.environment).kafka
    await deployment.set_faults({"kind": "status", "code": "UNAVAILABLE", "text_pattern": "number 1\\."})
    with deployment.worker():
        await deployment.produce([job(0), job(1)], Lane.BATCH)
        await deployment.completions(1)

        async def retries() -> object:
            return (await read_backlog(settings, {})).retries

        await until(retries)
    await deployment.produce((job(number) for number in range(10, 13)), Lane.BATCH)
    begin = (await end_positions(settings)).lane
    await deployment.produce((job(number) for number in range(20, 25)), Lane.BATCH)
    backlog = await read_backlog(settings, begin)
    # On a slow machine it waits for its second retry by then.
    assert (backlog.before, backlog.behind, [*backlog.retries.values()]) == (3, 5, [1])
    assert backlog.group == settings.group_id
