"""What a console has to show: a plan in its second stage, its controller's rounds, lines and dead letters."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas.rollout_status import ArmRates, Judged, RolloutStatus, WorkerSeen
from schemas.topics import ROLLOUT_STATUS
from tests.stack.cli import run
from tests.stack.deployment import Deployment, job
from tests.stack.test_replay import letter, write
from tests.unit.opinions import pair, pair_document, vote
from worker.config.settings import load_settings
from worker.kafka.client.events import send_event
from worker.kafka.client.producer import connect_producer

CHARACTERS = ("codsworth", "ghoul", "minuteman", "pip_boy", "raider")
ROUNDS = 60


async def rollout(deployment: Deployment, *arguments: str) -> None:
    ended = await run(deployment, "rollout", *arguments)
    assert ended.returncode == 0, ended.stderr


async def make_batch(deployment: Deployment, folder: Path) -> None:
    """A script of two scenes, made; a worker must run."""
    texts = {
        "vault-door": ("Hold the lamp still.", "The lock is older than the war.", "Then it is older than you."),
        "garden": ("Nothing has grown here for years.", "These tomatoes disagree.", "Don't eat the blue one."),
    }
    lines = [
        {"job_id": f"{scene}-{number}", "character": CHARACTERS[number], "text": text, "scene": scene}
        for scene, of_scene in texts.items()
        for number, text in enumerate(of_scene)
    ]
    script = folder / "act-2.jsonl"
    script.write_text("".join(f"{json.dumps(each)}\n" for each in lines), encoding="utf-8")
    ended = await run(deployment, "batch", str(script), "--yes")
    assert ended.returncode == 0, ended.stderr


async def publish_report(deployment: Deployment, folder: Path) -> None:
    """The report of the script of `make_batch`, for the console, with another take of a line; a worker must run."""
    script = str(folder / "act-2.jsonl")
    for command in (("redo", script, "garden-1", "--yes"), ("report", script, "--publish")):
        ended = await run(deployment, "batch", *command)
        assert ended.returncode == 0, ended.stderr


async def make_report(deployment: Deployment, folder: Path) -> Path:
    """The report of a script of two scenes, in two languages, some of whose lines stand out; a worker must run."""
    folder.mkdir()
    texts = {
        "vault-door": (
            "Hold the lamp still.",
            "The lock is older than the war.",
            "Then it is older than you, my friend.",
        ),
        "garden": ("Nothing has grown here for years.", "這裡的番茄可不這麼想。", "Don't eat the BLUE one."),
    }
    script = folder / "act-1.csv"
    rows = [
        f'{scene}-{number},{CHARACTERS[number]},{scene},{"cmn-TW" if text[0] > "z" else "en-US"},"{text}"'
        for scene, of_scene in texts.items()
        for number, text in enumerate(of_scene)
    ]
    usual = (f'usual-{n},ghoul,camp,en-US,"Another settlement needs our help, number {n}."' for n in range(12))
    script.write_text("\n".join(["job_id,character,scene,language,text", *rows, *usual]) + "\n", encoding="utf-8")
    ended = await run(deployment, "batch", str(script), "--yes", "--download", str(folder / "audio"))
    assert ended.returncode == 0, ended.stderr
    written = await run(deployment, "batch", "report", str(script), "--download", str(folder / "audio"))
    assert written.returncode == 0, written.stderr
    return folder / "audio" / "report.html"


async def start_plan(deployment: Deployment) -> None:
    deployment.environment["ROLLOUT_SOURCE"] = "topic"
    await rollout(deployment, "start", "production", "--yes", "--actor", "otto", "--reason", "release 2.4")
    await rollout(
        deployment, "approve", "no_complaints", "--actor", "mei", "--reason", "support has nothing since Monday"
    )
    await rollout(deployment, "promote", "--yes", "--actor", "otto", "--reason", "two quiet days")
    await rollout(deployment, "exclude", "ghoul", "--actor", "mei", "--reason", "croaks in scene 12")


def judged(round_number: int) -> tuple[Judged, ...]:
    """Verdicts of one round: values drift, and one character fails."""
    drift = round_number / ROUNDS
    share, mean = 0.004 + 0.006 * drift, 0.82 + 0.4 * drift * drift
    slow = "hold" if drift > 0.5 else "pass"
    better = "Chirp is as good as WaveNet: 92 of its 18,430 failed, 95.4 would have if both were equally good"
    worse = "Chirp may be worse than WaveNet, which isn't shown yet: 812 of its 18,430 were slow"
    rows: list[tuple[str, str, str, str, float, float | None, float, int, str]] = [
        ("gate", "error_rate", "stage", "pass", share, share + 0.004, 0.05, 18430, f"{share:.2%} of 18,430 failed"),
        ("gate", "fallback_rate", "stage", "pass", 0.009, 0.012, 0.05, 18430, "0.90% of 18,430 fell back"),
        ("gate", "mean_time", "stage", slow, mean, mean + 0.1, 2.0, 18430, f"{mean:.2f} s on average over 18,430"),
        ("gate", "cache_hit_rate", "stage", "pass", 0.71, 0.72, 0.62, 9100, "71% of 9,100 look-ups were hits"),
        ("gate", "errors_against_control", "stage", "pass", 1.2 + drift, None, 9.2, 18430, better),
        ("step", "slow_against_control", "stage", slow, 4.9 * drift, None, 9.2, 18430, worse),
        ("at_once", "error_rate", "5m", "pass", 0.011, 0.004, 0.10, 640, "1.10% of 640 failed"),
        ("at_once", "mean_time", "5m", "pass", 0.91, 0.85, 5.0, 640, "0.91 s on average over 640"),
        ("step", "error_rate", "1h", slow, 0.01 + 0.038 * drift, 0.041, 0.05, 2110, "4.80% of 2,110 failed"),
    ]
    fields = ("use", "title", "window", "verdict", "value", "bound", "limit", "sample", "says")
    of_all = [Judged.model_validate(dict(zip(fields, row, strict=True))) for row in rows]
    bad = Judged(use="character", title="error_rate", window="1h", verdict="fail", character="raider", value=0.142,
                 bound=0.11, limit=0.1, sample=420, says="14.2% of 420 failed, at least 11% by the bound")  # fmt: skip
    well = {"verdict": "pass", "value": 0.008, "sample": 400, "says": "0.8% of 400 failed"}
    others = [bad.model_copy(update={**well, "character": each}) for each in ("codsworth", "minuteman", "pip_boy")]
    return (*of_all, bad, *others)


def arms(round_number: int) -> tuple[ArmRates, ...]:
    """Both voice models, of which Chirp gets slower and fails a little more often."""
    drift = round_number / ROUNDS
    rows: list[tuple[str, str, int, int, int, float, float]] = [
        ("5m", "chirp3-hd", 640, 4 + int(9 * drift), 3 + int(9 * drift), 0.8, 1.4 + round(0.6 * drift * drift, 1)),
        ("5m", "wavenet", 655, 2 + round_number % 3, 0, 0.4, 0.7 + (round_number % 4) / 10),
        ("1h", "chirp3-hd", 7_710, 48 + int(70 * drift), 40 + int(70 * drift), 0.8, 1.4 + round(0.4 * drift, 1)),
        ("1h", "wavenet", 7_802, 31, 0, 0.4, 0.8),
    ]
    fields = ("window", "voice_model", "attempts", "errors", "fallbacks", "p50_s", "p95_s")
    return tuple(ArmRates.model_validate(dict(zip(fields, row, strict=True))) for row in rows)


def rounds(revision: int) -> list[RolloutStatus]:
    now = datetime.now(UTC)
    workers = tuple(
        WorkerSeen(worker=f"chirp-worker-{n}", revision=revision - (n == 2), time=now, braked=n == 3) for n in range(4)
    )
    waits = ("3.5 d more of at least 5 d", "mean_time (stage): not shown to hold yet", "voice_quality: unanswered")
    return [
        RolloutStatus(
            time=now - timedelta(seconds=10 * (ROUNDS - number)), controller="chirp-controller-0:1", revision=revision,
            plan="production", stage="50", stages=("10", "50", "100"), phase="running", risk="high",
            served_s=130_000 + 10 * number, at_least_s=432_000, at_most_s=1_209_600, every_s=60, waits_for=waits,
            judged=judged(number + 1), arms=arms(number + 1), workers=workers,
            mix=("Chirp speaks 12 % longer lines than WaveNet",), attempts=41_230, late=3,
        )
        for number in range(ROUNDS)
    ]  # fmt: skip


async def report_rounds(deployment: Deployment, statuses: list[RolloutStatus]) -> None:
    async with connect_producer(load_settings(deployment.environment).kafka) as producer:
        for status in statuses:
            value = status.model_dump_json().encode()
            await producer.send_and_wait(deployment.topic(ROLLOUT_STATUS), value=value, partition=0)


async def speak_lines(deployment: Deployment, count: int) -> None:
    texts = ("Patrolling the wasteland almost makes you wish for rain.", "Another settlement needs our help.",
             "Welcome home, sir. I have kept the tea warm.", "War has changed little since I was young.")  # fmt: skip
    jobs = [
        job(n, character=CHARACTERS[n % 5], text=texts[n % 4], user_id=f"u-{n}", labels={"scene": f"act-1/{n % 3}"})
        for n in range(count)
    ]
    await deployment.produce(jobs)
    await deployment.completions(count)


async def fill_dead_letters(deployment: Deployment) -> None:
    await write(
        deployment,
        *(letter(deployment, n, "invalid", character="raider", text=f"<speak>Line {n}") for n in range(7)),
        *(letter(deployment, n, "timeout", character="pip_boy") for n in range(7, 11)),
        *(letter(deployment, n, "denied", character="codsworth") for n in range(11, 13)),
    )


async def open_listening(deployment: Deployment, keys: list[str]) -> None:
    """A blind pair and two readings of a line, of takes that are stored, and votes on three characters."""
    first, second = (
        {**pair_document(1)[side], "audio": key} for side, key in zip(("first", "second"), keys, strict=True)
    )
    said = {"text": "Welcome home, sir. I have kept the tea warm.", "line": "greeting-1", "character": "codsworth"}
    other = {**first, "audio": second["audio"], "take": 2}
    offered = (
        pair(1, **said, first=first, second=second),
        pair(2, **said, pair_id="takes-2", first=first, second=other),
    )
    told = {"ghoul": ("wavenet",) * 22, "pip_boy": ("equal", "chirp3-hd", "wavenet") * 12, "raider": ("equal",) * 15}
    async with connect_producer(load_settings(deployment.environment).kafka) as producer:
        for each in offered:
            await send_event(producer, load_settings(deployment.environment).kafka, each)
        for character, choices in told.items():
            for number, choice in enumerate(choices):
                cast = vote(number, choice, character=character)
                await send_event(producer, load_settings(deployment.environment).kafka, cast)
