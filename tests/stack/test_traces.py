"""Traces: an OTLP receiver gets one job's spans through failure, retry, fallback and replay, as the page shows them."""

import json
import re
from pathlib import Path

import aiohttp

from schemas.completion import Completion
from schemas.enums import JobStatus, Lane
from schemas.headers import TRACE_PARENT, header_text
from schemas.topics import COMPLETIONS, retry_topic
from tests.stack.cli import run
from tests.stack.deployment import get
from tests.stack.otlp_receiver import OtlpReceiver, otlp_receiver
from tests.until import until

LINE = "A line that Google can't speak"
CALL = "google.cloud.texttospeech.v1.TextToSpeech/SynthesizeSpeech"
PAGE = Path(__file__).parents[2] / "docs" / "tracing.md"
FIRST, REPLAYED = (
    block.splitlines() for block in re.findall(r"```\n(send .*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
)


def tree_of(receiver: OtlpReceiver, trace_id: str, prefix: str) -> list[str]:
    """The trace without what a busy machine adds to it."""
    lines = (line.replace(prefix, "tts") for line in receiver.tree(trace_id))
    return [line for line in lines if line.strip() != "quota wait"]


async def openmetrics(address: str) -> str:
    accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3"
    async with (
        aiohttp.ClientSession(headers={"Accept": accept}) as session,
        session.get(f"{address}/metrics") as answer,
    ):
        return await answer.text()


async def test_a_trace_leads_through_failure_and_retry_to_the_dead_letter_and_its_replay_links_to_it(deployment):
    await deployment.create_topic(retry_topic(Lane.DIALOGUE, "1s"), 1)
    await deployment.set_faults(
        {"kind": "status", "code": "UNAVAILABLE", "text_pattern": LINE, "voice_model": "chirp3-hd"},
        {"kind": "status", "code": "UNAVAILABLE", "text_pattern": LINE, "voice_model": "wavenet", "limit": 4},
    )
    async with otlp_receiver() as receiver:
        deployment.environment |= {
            **receiver.environment,
            "RETRY_DIALOGUE": "1s",
            "CHIRP3_ROLLOUT_PERCENTAGE": "100",
        }
        with deployment.worker() as (process, address):
            enqueued = await run(deployment, "enqueue", LINE, "--wait")
            assert Completion.model_validate_json(enqueued.stdout).status is JobStatus.FAILED, enqueued.stderr
            replayed = await run(deployment, "replay", "--all")
            assert replayed.returncode == 0, replayed.stderr
            failed, done = sorted(await deployment.read(COMPLETIONS, 2), key=lambda record: record.timestamp)
            exposed, plain = await openmetrics(address), (await get(f"{address}/metrics"))[1]
            # At its end the worker would give the last spans two seconds.
            await until(lambda: len(receiver.named(f"process {deployment.name}.dialogue")) == 2)
        log = process.log.read_text(encoding="utf-8")

    topics = {name: f"{deployment.name}.{name}" for name in ("dialogue", "dead-letters", "completions")}
    enqueue, replay = receiver.named(f"send {topics['dialogue']}")
    (letter,) = receiver.named(f"send {topics['dead-letters']}")
    assert tree_of(receiver, enqueue.trace_id, deployment.name) == FIRST
    assert tree_of(receiver, replay.trace_id, deployment.name) == REPLAYED
    assert replay.links == ((letter.trace_id, letter.id),)
    assert letter.trace_id == enqueue.trace_id != replay.trace_id

    first_try, after_replay = receiver.named(f"process {topics['dialogue']}")
    assert (first_try.kind, first_try.failed, after_replay.failed) == ("CONSUMER", True, False)
    assert first_try.links == ((enqueue.trace_id, enqueue.id),)
    assert after_replay.attributes.items() >= {
        ("messaging.system", "kafka"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", topics["dialogue"]),
        ("messaging.consumer.group.name", deployment.name),
        ("tts.lane", "dialogue"),
        ("tts.outcome", "done"),
        ("tts.voice_model", "wavenet"),
        ("tts.fallback", True),
    }
    in_trace = [span for span in receiver.spans if span.trace_id in {enqueue.trace_id, replay.trace_id}]
    assert {span.attributes["tts.lane"] for span in in_trace} == {"dialogue"}
    assert LINE not in str(receiver.spans)
    calls = receiver.named(CALL)
    assert {call.kind for call in calls} == {"CLIENT"}
    assert {call.attributes["rpc.response.status_code"] for call in calls} == {"UNAVAILABLE", "OK"}
    waits = sorted(span.ended - span.began for span in receiver.named("queue wait"))
    assert waits[-1] >= 1.0, "the retry waits for its delay"

    sends = receiver.named(f"send {topics['completions']}")
    contexts = [header_text(list(record.headers), TRACE_PARENT) or "" for record in (failed, done)]
    assert [context[:-3] for context in contexts] == [f"00-{span.trace_id}-{span.id}" for span in sends]
    jobs = [line for line in map(json.loads, log.splitlines()) if line.get("event") == "job"]
    processes = [first_try, *receiver.named(f"process {deployment.name}.retry.dialogue.1s"), after_replay]
    assert [(job["trace_id"], job["span_id"]) for job in jobs] == [(span.trace_id, span.id) for span in processes]
    exemplars = set(re.findall(r'_seconds_bucket\{[^}]*\} [0-9.]+ # \{[^}]*trace_id="([0-9a-f]{32})"', exposed))
    assert replay.trace_id in exemplars
    assert exemplars <= {enqueue.trace_id, replay.trace_id}
    assert "trace_id" not in plain
