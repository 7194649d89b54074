"""Two hundred hostile texts in every field that others write: each page shows them as text, in a real browser."""

import importlib.resources
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from aiokafka import AIOKafkaProducer

from schemas.batch_run import BatchRun, RunState
from schemas.completion import Attempt, Completion, Problem
from schemas.enums import AttemptResult, JobStatus, Lane, Phase, VoiceModel
from schemas.revision import Approval, PlanRun
from schemas.rollout_status import Judged, WorkerSeen
from schemas.topics import BATCH_RUNS, COMPLETIONS, DEAD_LETTERS, LANES, PAIRS, ROLLOUT, VERDICTS, VOTES
from schemas.verdict import Verdict
from schemas.vote import Vote
from tests.stack.browser import browser
from tests.stack.console import log_in, serve_console
from tests.stack.console_scene import report_rounds, rounds
from tests.stack.hostile import HOSTILE, UNTOUCHED
from tests.unit.batches import done
from tests.unit.opinions import pair, vote_document
from worker.batch.report.published import announcement, published_run
from worker.config.settings import load_settings
from worker.rollout.log.codec import Provenance, to_revision
from worker.rollout.state import OFF
from worker.storage.takes import report_key

NOW = datetime.now(UTC)


def headers_of_letter(text: str) -> list[tuple[str, bytes]]:
    names = ("class", "code", "message", "field", "lane", "topic", "attempts")
    return [(f"dead-letter-{name}", text.encode()) for name in names]


def whole_letter() -> tuple[bytes, list[tuple[str, bytes]]]:
    value = json.dumps({"job_id": HOSTILE[0], "character": HOSTILE[1], "text": HOSTILE[2]}).encode()
    own = [(f"x-{number}", text.encode()) for number, text in enumerate(HOSTILE)]
    return value, [*own, ("dead-letter-id", b"abcd0123"), *headers_of_letter(HOSTILE[3])]


def completion() -> Completion:
    attempts = tuple(
        Attempt(id=str(number), voice_model=VoiceModel.WAVENET, voice=text, result=AttemptResult.ERROR, code=text,
                message=text, calls=1, seconds=1, billed_characters=1, ended_at=NOW)
        for number, text in enumerate(HOSTILE)
    )  # fmt: skip
    return Completion(
        job_id="line-1", status=JobStatus.FAILED, lane=Lane.DIALOGUE, character=HOSTILE[4], voice=HOSTILE[5],
        labels={text: text for text in HOSTILE}, attempts=attempts,
        error=Problem(failure_class=HOSTILE[6], code=HOSTILE[7], message=HOSTILE[8]),
    )  # fmt: skip


def batch_run(number: int, text: str) -> BatchRun:
    began, reported = (f"{NOW + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (-1, 1))
    return BatchRun(
        run_id=f"run-{number}", script=text, state=RunState.RUNNING, started=began, time=reported, total=1, done=0,
        source=text,
    )  # fmt: skip


def spoken(number: int) -> tuple[dict[str, str], Completion, list[Verdict]]:
    """A line of a batch with what is said of it: of another take in the first run, of this one in the second."""
    text = HOSTILE[number]
    completion = done(f"batch-{number}:0123456789", f"takes/x/wavenet/00/{number:064}.ogg")
    job = {"job_id": completion.job_id, "character": text, "text": text, "rollout_key": text}
    said = {"line": f"batch-{number}", "character": text[:64], "verdict": "redo", "note": text, "by": text}
    verdicts = [
        Verdict(
            verdict_id=f"v-{number}-{of_script}",
            script=HOSTILE[of_script],
            sha256=sha256,
            at=f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
            source="/console/batch",
            **said,
        )
        for of_script, sha256 in enumerate(("f" * 64, "0" * 64))
    ]
    return job, completion, verdicts


def published_report() -> bytes:
    """A report in each of whose fields somebody has written one of the texts."""
    rows = [
        {
            **dict.fromkeys(("line", "text", "language", "voice", "error", "audio"), text),
            "character": text[:64],
            "scene": text,
            "status": "done",
            "model": "wavenet",
            "sha256": f"{number:064}",
            "takes": [{"take": 2, "sha256": f"{number + 200:064}", "audio": text}],
            "findings": [["warning", text], ["error", text]],
            "outliers": [text],
        }
        for number, text in enumerate(HOSTILE)
    ]
    money = [{"character": text[:64], "lines": 1, "chirp3-hd": 0, "wavenet": 0, "usd": 0.0} for text in HOSTILE]
    document = {"script": HOSTILE[0], "id": "ab" * 8, "measured": False, "rows": rows, "money": money}
    return json.dumps(document).encode()


async def publish(deployment, send) -> None:
    content = published_report()
    place = announcement(content, NOW)
    prefix = load_settings(deployment.environment).storage.prefix
    async with deployment.store() as store:
        await store.documents.store(report_key(prefix, place.sha256), content)
    reported = published_run(content, place, 1)
    await send(BATCH_RUNS, reported.model_dump_json().encode(), key=reported.run_id.encode())


def opinions(number: int) -> list[tuple[str, bytes]]:
    """A blind pair and two readings, and a vote that chooses one of these."""
    text = HOSTILE[number]
    said = {"line": text, "text": text, "character": text[:64]}
    first, second = (
        {"audio": f"takes/{number}-{each}.ogg", "voice_model": "wavenet", "voice": text, "take": each}
        for each in (1, 2)
    )
    readings = pair(number, **said, pair_id=f"takes-{number}", first=first, second=second)
    voted = {
        name: {key: value for key, value in take.items() if key != "take"}
        for name, take in (("first", first), ("second", second))
    }
    chosen = Vote.model_validate(
        vote_document(line=text, character=text[:64], listener_id=text, choice="second", **voted)
    )
    blind = pair(1000 + number, **said)
    return [
        *((PAIRS, each.model_dump_json(exclude_none=True).encode()) for each in (readings, blind)),
        (VOTES, chosen.model_dump_json(exclude_none=True).encode()),
    ]


def hostile_run(number: int) -> PlanRun:
    plan = importlib.resources.files("worker.rollout.plan.built_in").joinpath("production.yaml").read_text("utf-8")
    text = plan.replace('"No complaints?"', json.dumps(HOSTILE[12]))
    answer = Approval(
        name="no_complaints", approved=True, actor=HOSTILE[13][:128], time=NOW, reason=HOSTILE[14 + number % 2]
    )
    return PlanRun(
        plan="production", text=text, stage="10", phase=Phase.RUNNING, since=NOW, stage_revision=1, approvals=(answer,)
    )


async def fill(deployment) -> None:
    """Writes the texts into all topics as only a broken or a hostile program would."""
    producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka, max_request_size=4 * 2**20)
    await producer.start()

    async def send(
        topic: str, value: bytes | None, headers: list[tuple[str, bytes]] | None = None, key: bytes | None = None
    ) -> None:
        await producer.send(deployment.topic(topic), value, key, headers=headers or [], partition=0)

    try:
        for text in HOSTILE:
            job = json.dumps({"job_id": text, "character": text, "text": text})
            await send(DEAD_LETTERS, job.encode(), headers_of_letter(text))
            other = Completion(job_id=text, status=JobStatus.EXPIRED, lane=Lane.BATCH, character=text)
            await send(COMPLETIONS, other.model_dump_json().encode())
        for number, text in enumerate(HOSTILE):
            line, ended, verdicts = spoken(number)
            await send(LANES[Lane.BATCH], json.dumps(line).encode())
            await send(COMPLETIONS, ended.model_dump_json().encode())
            for verdict in verdicts:
                await send(VERDICTS, verdict.model_dump_json().encode())
            for topic, opinion in opinions(number):
                await send(topic, opinion)
            reported = batch_run(number, text)
            await send(BATCH_RUNS, reported.model_dump_json().encode(), key=reported.run_id.encode())
        await publish(deployment, send)
        await send(DEAD_LETTERS, *whole_letter())
        labels = {text: text for text in HOSTILE}
        job = {"job_id": "line-1", "text": HOSTILE[9], "character": HOSTILE[10], "labels": labels, HOSTILE[11]: 1}
        await send(LANES[Lane.DIALOGUE], json.dumps(job).encode())
        await send(COMPLETIONS, completion().model_dump_json().encode())
        before = OFF
        for number in range(30):
            after = replace(before, revision=number, enabled=True, percentage=number, run=hostile_run(number))
            by = Provenance(HOSTILE[-1 - number][:128], HOSTILE[number])
            revision = to_revision(before, after, by, time=NOW + timedelta(seconds=number), identity=str(number))
            await send(ROLLOUT, revision.model_dump_json().encode())
            before = replace(after, revision=number + 1)
        await producer.flush()
    finally:
        await producer.stop()


async def report(deployment) -> None:
    last = rounds(31)[-1]
    judged = tuple(
        Judged(use=use, title=text, window=text, verdict="hold", value=1, limit=2, says=text)
        for text in HOSTILE
        for use in ("gate", "step")
    )
    workers = tuple(WorkerSeen(worker=text, revision=1, time=NOW) for text in HOSTILE)
    changed = {"waits_for": HOSTILE, "judged": judged, "workers": workers, "mix": HOSTILE, "controller": HOSTILE[0]}
    await report_rounds(deployment, [last.model_copy(update={**changed, "time": NOW - timedelta(hours=1)})])


async def missing(shown, texts) -> list[str]:
    """The texts that aren't on the page as they are, neither as text nor as a title."""
    script = f"""(() => {{
      const titles = [...document.querySelectorAll('[title]')].map(each => each.title);
      const page = [document.body.textContent, ...titles].join('\\n');
      return {json.dumps(list(texts))}.filter(each => !page.includes(each));
    }})()"""
    return await shown.run(script)


async def test_whatever_others_write_is_shown_as_text_and_does_nothing(deployment, tmp_path):
    deployment.environment["ROLLOUT_SOURCE"] = "topic"
    await fill(deployment)
    await report(deployment)
    with serve_console(deployment) as address:
        async with browser(tmp_path) as shown:
            await log_in(shown, address, "nora")
            await shown.until("document.querySelectorAll('.verdicts tbody tr').length >= 400")
            short = [each[:64] for each in HOSTILE]
            pages = {
                "/rollout": [*HOSTILE, *(each[:128] for each in HOSTILE[-30:])],
                "/dead-letters": HOSTILE,
                "/dead-letters/abcd0123": HOSTILE,
                "/lines": (),
                "/lines?job_id=line-1&since=all": HOSTILE,
                "/fleet": HOSTILE,
                "/batch": HOSTILE,
                "/batch/run-0": HOSTILE,
                "/batch/run-1": HOSTILE,
                f"/batch/report-{'ab' * 8}/report": [*HOSTILE[:100], *short],
                f"/batch/report-{'ab' * 8}/report?show=takes&page=2": [*HOSTILE[100:], *short],
                "/pairs": short,
                "/results": short,
                "/takes": HOSTILE,
            }
            pages |= {f"/lines?job_id={quote(text)}": [text] for text in HOSTILE[:3]}
            pages |= {f"/dead-letters?text={quote(text)}": () for text in HOSTILE[3:6]}
            pages |= {f"/dead-letters?class={quote(text)}": () for text in HOSTILE[6:9]}
            pages |= {f"/batch/report-{'ab' * 8}/report?show={quote(text)}": () for text in HOSTILE[12:15]}
            pages |= {f"/rollout?made={quote(text)}": () for text in HOSTILE[9:12]}
            for page, texts in pages.items():
                await shown.visit(f"{address}{page}")
                await shown.until("document.querySelector('main') !== null")
                assert await missing(shown, texts) == [], page
                assert await shown.run(UNTOUCHED) == [], page
            await shown.visit(f"{address}/batch/run-0")
            quoted = "[...document.querySelectorAll('.quoted')].map(each => each.textContent)"
            assert set(await shown.run(quoted)) == set(HOSTILE)
            await shown.visit(f"{address}/batch/run-1")
            notes = await shown.run("[...document.querySelectorAll('[name=note]')].map(each => each.value)")
            assert set(notes) == set(HOSTILE)
            # The search lists the latest two hundred of them by what one hostile text has in common with others.
            await shown.visit(f"{address}/lines?text={quote(HOSTILE[0][:1])}&since=all")
            await shown.until("/match/.test(document.querySelector('[role=status]')?.textContent ?? '')")
            assert await shown.run("document.querySelectorAll('[role=status] tbody tr').length") > 0
            assert await shown.run(UNTOUCHED) == []
            await shown.visit(f"{address}/lines")
            rows = await shown.run(
                "[...document.querySelectorAll('tbody tr td:nth-child(2)')].map(each => each.textContent)"
            )
            assert len(rows) == 50
            assert set(rows) <= {*HOSTILE, "line-1", *(f"batch-{number}:0123456789" for number in range(200))}
            # The text of the filter stays in its field.
            await shown.visit(f"{address}/dead-letters?text={quote(HOSTILE[100])}")
            assert await shown.run("document.querySelector('[name=text]').value") == HOSTILE[100]
