"""A large batch: the command is killed, then the worker, and every line is made once and paid for once."""

import asyncio
import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtest.stack.local_stack import worker_environment
from loadtest.stack.processes import Process
from tests.faults.campaign import report
from tests.faults.scale import SCALE
from tests.stack.deployment import Deployment
from tests.until import HANG_S, until
from worker.batch.kafka_lane import end_positions
from worker.batch.manifest import default_manifest
from worker.config.settings import load_settings

CHARACTERS = ("pip_boy", "ghoul", "raider", "codsworth", "ncr_ranger")
WORDS = ("rust", "water", "lantern", "gate", "boots", "radio", "winter", "map", "bridge", "soup")
EDITED = 10
KILLS = 5
LEAST_MEMORY_MB, MOST_MEMORY_MB = 30, 300


@dataclass(frozen=True)
class Ended:
    """How a command ended: its one JSON document, and what it took."""

    status: int
    document: dict
    seconds: float
    cpu_s: float
    memory_mb: float


class Studio:
    def __init__(self, deployment: Deployment, folder: Path, script: str = "script.csv", *options: str) -> None:
        self.deployment = deployment
        self.script = folder / script
        self.manifest = default_manifest(self.script)
        self._folder = folder
        self._command = [sys.executable, "-m", "worker", "batch", str(self.script), "--yes", "--json", *options]

    def write(self, count: int, edited: frozenset[int] = frozenset()) -> None:
        with self.script.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("job_id", "character", "text"))
            for number in range(count):
                said = f"{WORDS[number % 10]}, {WORDS[number // 10 % 10]} and {WORDS[number // 100 % 10]}"
                again = " Once more." if number in edited else ""
                rows.writerow((f"line-{number}", CHARACTERS[number % 5], f"Number {number}: {said}.{again}"))

    def start(self, name: str) -> Process:
        environment = worker_environment(self.deployment.environment)
        return Process(name, self._command, self._folder / f"{name}.log", environment)

    async def run(self) -> Ended:
        """Runs the command to its end."""
        began = time.monotonic()
        answer, said = self._folder / "answer.json", self._folder / "said.log"
        environment = worker_environment(self.deployment.environment)
        with answer.open("wb") as out, said.open("wb") as errors:
            # Not by subprocess.run: that doesn't say how much memory it took.
            process = subprocess.Popen(self._command, env=environment, stdout=out, stderr=errors)
            _, status, usage = await asyncio.to_thread(os.wait4, process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        assert answer.stat().st_size, said.read_text()[-2000:]
        document = json.loads(answer.read_bytes())
        return Ended(process.returncode, document, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

    def entries(self) -> list[dict]:
        return [json.loads(line) for line in self.manifest.read_text(encoding="utf-8").splitlines()]

    async def in_lane(self) -> int:
        """How many jobs were ever put into the batch lane."""
        return sum((await end_positions(load_settings(self.deployment.environment).kafka)).lane.values())

    async def paid(self) -> int:
        """Calls that Google answered, and bills."""
        counts = await self.deployment.calls()
        return sum(codes.get("OK", 0) for codes in counts["calls"].values())

    async def until_paid(self, count: int, process: Process) -> None:
        while await self.paid() < count:
            assert process.running, process.log_end()
            await asyncio.sleep(0.05)


# Debian's packages fortunes and fortunes-zh: sayings and poems that nobody wrote for a test.
FORTUNES = Path("/usr/share/games/fortunes")
POEMS = ("tang300", "song100")


def fortunes(language: str) -> list[str]:
    files = [each for each in sorted(FORTUNES.glob("*")) if not each.suffix and each.name != "chinese"]
    mine = [each for each in files if (each.name in POEMS) == (language == "cmn-TW")]
    if len(mine) < len(POEMS):
        message = "the packages fortunes and fortunes-zh are not installed; Debian has them"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    texts = [text for each in mine for text in re.split(r"^%$", each.read_text("utf-8"), flags=re.MULTILINE)]
    # The poems are coloured for a terminal; that is no part of a text.
    return [re.sub("\x1b\\[[0-9;]*m", "", text) for text in texts if text.strip()]


async def test_texts_that_nobody_wrote_for_it_are_spoken_or_have_a_finding(deployment, tmp_path):
    studio = Studio(deployment, tmp_path, "fortunes.jsonl", "--leave-out")
    languages = {"en-US": SCALE.lines // 5, "cmn-TW": SCALE.lines // 50}
    chosen = {language: random.Random(7).sample(texts := fortunes(language), min(count, len(texts)))
              for language, count in languages.items()}  # fmt: skip
    with studio.script.open("w", encoding="utf-8") as file:
        for language, texts in chosen.items():
            for number, text in enumerate(texts):
                job = {"job_id": f"{language}-{number}", "character": CHARACTERS[number % 5], "language": language}
                file.write(json.dumps({**job, "text": text}) + "\n")
    # The emulator encodes minutes of audio on this machine's own cores: a slow machine is no slow Google.
    with deployment.worker(RETRY_BATCH="10s", TTS_TIMEOUT_BASE_S="120", TTS_TIMEOUT_MAX_S="300"):
        ended = await studio.run()
    lines = [f"{language}-{number}" for language, texts in chosen.items() for number in range(len(texts))]
    done = {entry["line"] for entry in studio.entries() if entry["status"] == "done"}
    errors = {each["id"]: each for each in ended.document["findings"] if each["severity"] == "error"}
    warned = {each["id"] for each in ended.document["findings"] if each["severity"] == "warning"}
    report(
        "texts of the packages fortunes and fortunes-zh",
        lines={language: len(texts) for language, texts in chosen.items()},
        done=Counter(line.rpartition("-")[0] for line in done),
        findings=Counter(re.sub(r"'[^']*'|U\+\w+|\d+", "…", each["message"]) for each in errors.values()),
        warned=len(warned),
        failed=[each["error"] for each in ended.document["failures"]],
        took=f"{ended.seconds:.0f} s",
    )
    assert done | errors.keys() | warned == set(lines) | warned
    assert not done & errors.keys()
    assert len(done) > 0.9 * len(lines)


async def test_killed_and_resumed_every_line_is_made_once_and_an_unchanged_script_sends_nothing(deployment, tmp_path):
    lines = SCALE.lines
    studio = Studio(deployment, tmp_path)
    studio.write(lines)
    began = time.monotonic()
    # About as long as Google takes: what a killed worker loses is what it had in hand just then.
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.3})
    with deployment.worker("first", KAFKA_SESSION_TIMEOUT_S="6") as (worker, _):
        for kill in range(1, KILLS + 1):
            command = studio.start(f"killed-{kill}")
            await studio.until_paid(kill * lines // (2 * KILLS), command)
            await asyncio.to_thread(command.kill)
        command = studio.start("resumed")
        await studio.until_paid(2 * lines // 3, command)
        worker.signal(signal.SIGKILL)
        await asyncio.to_thread(worker.wait, HANG_S)

        async def none_in_flight() -> bool:
            return not (await deployment.calls())["in_flight"]

        await until(none_in_flight)
    # What Google had answered, and the worker had not stored yet when it died, is paid for and gone.
    lost_with_the_worker = await studio.paid() - len(await deployment.keys())
    with deployment.worker("second"):
        assert await asyncio.to_thread(command.wait, 3000) == 0, command.log_end()
        command.stop()
        took = time.monotonic() - began
        entries = studio.entries()
        paid, sent = await studio.paid(), await studio.in_lane()

        unchanged = await studio.run()
        sent_by_unchanged = await studio.in_lane() - sent

        studio.write(lines, frozenset(range(0, lines, lines // EDITED)))
        edited = await studio.run()
        sent_by_edited = await studio.in_lane() - sent
        paid_by_edited = await studio.paid() - paid
    report(
        f"a batch of {lines:,} lines, the command killed {KILLS} times in its first half, the worker after two thirds",
        took=f"{took:.0f} s",
        sent=sent,
        paid=paid,
        lost_with_the_worker=lost_with_the_worker,
        unchanged=f"{unchanged.seconds:.1f} s ({unchanged.cpu_s:.1f} s of CPU) and {unchanged.memory_mb:.0f} MB",
        sent_by_unchanged=sent_by_unchanged,
        edited_lines=sent_by_edited,
    )
    assert Counter(entry["line"] for entry in entries) == {f"line-{number}": 1 for number in range(lines)}
    assert {entry["status"] for entry in entries} == {"done"}
    assert sent == lines
    # An upload may still have been on its way.
    assert lines <= paid <= lines + lost_with_the_worker
    assert lost_with_the_worker <= load_settings({}).worker.max_in_flight
    assert (unchanged.status, sent_by_unchanged) == (0, 0)
    assert unchanged.document["lines"]["done"] == lines
    assert LEAST_MEMORY_MB < unchanged.memory_mb < MOST_MEMORY_MB
    assert (edited.status, edited.document["lines"]["edited"]) == (0, EDITED)
    assert (sent_by_edited, paid_by_edited) == (EDITED, EDITED)
    assert len(studio.entries()) == lines
