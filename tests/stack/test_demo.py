"""The demo: its script says what it is to show, and one run of it shows that."""

import asyncio
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import soundfile

from loadtest.demo.queries import plan_readings
from loadtest.demo.run import may_be_sent
from loadtest.demo.script import Line, read_script
from loadtest.emulator.settings import Fault
from loadtest.stack.counters import Counters
from schemas.enums import AudioEncoding, DecisionReason, Lane, VoiceModel
from schemas.job import Job
from schemas.parsing import parse_job
from schemas.revision import FULL_PERCENTAGE
from schemas.text_markup import PAUSE_MARK
from worker.rollout.decision import DecisionRequest, decide, sticky_key
from worker.rollout.state import RolloutState
from worker.speech.catalogue_file import load_catalogue

REPOSITORY = Path(__file__).parents[2]
SCRIPT = read_script()
CATALOGUE = load_catalogue()
HALF = RolloutState(enabled=True, percentage=FULL_PERCENTAGE // 2, characters=None)


def job_of(line: Line) -> Job:
    return parse_job(line.record_value)


def test_every_line_is_a_job_that_the_worker_admits() -> None:
    for line in SCRIPT:
        CATALOGUE.admit(job_of(line))
    assert len({line.job_id for line in SCRIPT}) == len(SCRIPT)


def test_the_script_covers_what_the_demo_is_for() -> None:
    jobs = [job_of(line) for line in SCRIPT]
    assert len(jobs) >= 60
    for language in ("en-US", "cmn-TW"):
        assert {job.character for job in jobs if job.language == language} == CATALOGUE.names
    assert any(PAUSE_MARK.search(job.text or "") for job in jobs)
    assert any(job.pronunciations for job in jobs)
    assert any(len((job.text or "").encode()) > 5000 for job in jobs)
    assert {job.audio.encoding for job in jobs} >= {AudioEncoding.OGG_OPUS, AudioEncoding.MP3, AudioEncoding.LINEAR16}
    assert any(job.rollout_key for job in jobs)
    assert {line.lane for line in SCRIPT} == set(Lane)


def test_a_line_that_waits_for_another_is_that_line_once_more() -> None:
    by_id = {line.job_id: job_of(line) for line in SCRIPT}
    repeats = [line for line in SCRIPT if line.after is not None]
    assert len(repeats) >= 1
    for line in repeats:
        first, again = by_id[str(line.after)], by_id[line.job_id]
        own = {"job_id", "user_id", "rollout_key"}
        assert first.model_dump(exclude=own) == again.model_dump(exclude=own)
        assert decided(first) == decided(again)


def test_every_fault_meets_a_line_that_chirp_is_asked_for() -> None:
    faulty = [line for line in SCRIPT if line.fault]
    assert all(decided(job_of(line))[0] is VoiceModel.CHIRP3_HD for line in faulty)
    kinds = Counter((line.fault.kind, line.fault.code, line.is_healed) for line in faulty if line.fault)
    assert {
        ("status", "UNAVAILABLE", False),
        ("status", "UNAVAILABLE", True),
        ("status", "INVALID_ARGUMENT", False),
        ("empty", None, False),
        ("truncated", None, False),
    } <= kinds.keys()


def test_both_voice_models_get_about_half_of_what_the_percentage_decides() -> None:
    decisions = Counter(decided(job_of(line))[1] for line in SCRIPT)
    in_rollout, outside = decisions[DecisionReason.IN_ROLLOUT], decisions[DecisionReason.OUTSIDE]
    assert 0.4 < in_rollout / (in_rollout + outside) < 0.6


def decided(job: Job) -> tuple[VoiceModel, DecisionReason]:
    forced = CATALOGUE.admit(job)
    decision = decide(
        HALF,
        DecisionRequest(
            character=job.character,
            sticky_key=sticky_key(job),
            chirp_speaks_language=CATALOGUE.chirp_speaks(job.language),
            forced=forced if forced is None or isinstance(forced, VoiceModel) else forced.voice_model,
        ),
        datetime.now(UTC),
    )
    return decision.voice_model, decision.reason


def test_a_line_is_held_back_until_the_one_it_repeats_is_done() -> None:
    first, other = SCRIPT[0], SCRIPT[1]
    repeat = Line({**first.job, "job_id": "again"}, Lane.DIALOGUE, first.job_id, None)
    assert may_be_sent([repeat, other], set(), 5) == [other]
    assert may_be_sent([repeat, other], {first.job_id}, 1) == [repeat]
    assert may_be_sent([other], set(), 0) == []


def test_a_fault_that_ends_after_one_call_is_one_that_the_quick_retry_heals() -> None:
    def line(limit: int | None) -> Line:
        return Line({}, Lane.DIALOGUE, None, Fault(kind="status", code="UNAVAILABLE", limit=limit))

    assert line(1).is_healed
    assert not line(1).falls_back
    assert line(None).falls_back


def test_the_queries_are_over_the_run_alone() -> None:
    series = 'tts_synthesis_total{{voice_model="{}",status="{}",character_key="ghoul"}} {}\n'
    fallbacks = 'tts_chirp3_fallback_total{{character_key="ghoul",error_type="timeout"}} {}\n'
    before = series.format("chirp3-hd", "error", 7) + fallbacks.format(7)
    after = (
        series.format("chirp3-hd", "error", 8)
        + series.format("chirp3-hd", "success", 3)
        + series.format("wavenet", "success", 6)
        + fallbacks.format(8)
    )
    types = "# TYPE tts_synthesis counter\n# TYPE tts_chirp3_fallback counter\n"
    values = [each.value for each in plan_readings(Counters.parse(types + after).since(Counters.parse(types + before)))]
    assert values[0].startswith("90.0 %")
    assert values[2].startswith("25.0 %")
    assert values[3] == "chirp3-hd 4, wavenet 6"


async def test_the_demo_leaves_playable_files_and_tells_what_became_of_each_line(tmp_path: Path) -> None:
    kept = tmp_path / "demo-audio" / "ghoul" / "my own.ogg"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"not the demo's")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "100"}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "loadtest.demo"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    assert kept.read_bytes() == b"not the demo's"
    kept.unlink()
    files = {path.stem: path for path in (tmp_path / "demo-audio").rglob("*.*")}
    assert files.keys() == {line.job_id for line in SCRIPT}
    for line in SCRIPT:
        assert files[line.job_id].parent.name == line.character
        samples, sample_rate = soundfile.read(files[line.job_id])
        # Speech: 2 to 30 characters a second; a Chinese one counts three.
        units = sum(3 if ord(character) > 0x2E80 else 1 for character in line.job["text"])
        assert units / 30 < len(samples) / sample_rate < units / 2
        assert abs(samples).max() > 0.01

    rows = {line.job_id: row for line in SCRIPT for row in done.stdout.splitlines() if f" {line.job_id} " in row}
    for line in SCRIPT:
        model, _ = decided(job_of(line))
        spoke = VoiceModel.WAVENET if line.falls_back else model
        assert re.search(rf"{model} \w+ +{spoke} ", rows[line.job_id])
        assert (" (cached) " in rows[line.job_id]) == (line.after is not None)
    assert " (healed) " in rows["vault-3"]
    assert max(map(len, rows.values())) <= 100
    for name in ("success rate", "mean synthesis time", "fallback rate", "attempts by voice model"):
        assert name in done.stdout
