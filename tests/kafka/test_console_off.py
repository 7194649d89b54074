"""One click on "Chirp off" in a real browser: two workers under load decide for WaveNet within two seconds."""

import asyncio
import statistics
from contextlib import ExitStack, asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer

from loadtest.stack.traffic import Flow, send_steadily
from schemas.completion import Completion
from schemas.enums import DecisionReason, Lane
from schemas.headers import CE_WORKER
from schemas.topics import COMPLETIONS, LANES
from tests.kafka.test_rollout import TOPIC, WITHIN_S, rollout
from tests.stack.browser import browser
from tests.stack.console import log_in, serve_console
from tests.until import until
from worker.config.settings import load_settings
from worker.kafka.client.producer import connect_producer

CLICKS = 5
JOBS_A_SECOND = 30
FIGURE = "document.querySelector('.figure')?.textContent"
# The click's time is the page's own clock, which is this machine's, as are those of the workers.
LOOK = """(async () => {
  const began = performance.now();
  await (await fetch('/rollout/now')).text();
  return (performance.now() - began) / 1000;
})()"""
CLICK = "(button => { const at = Date.now(); button.click(); return at; })(document.querySelector('button.off'))"


@asynccontextmanager
async def completions_seen(deployment):
    """What has been completed so far: each one's worker, the time of its decision, which no job meets later, and it."""
    seen: list[tuple[str, float, Completion]] = []
    consumer = AIOKafkaConsumer(deployment.topic(COMPLETIONS), bootstrap_servers=deployment.stack.kafka)
    await consumer.start()

    async def follow() -> None:
        async for record in consumer:
            completion = Completion.model_validate_json(record.value)
            # The decision is the first thing of a job's work, and a record follows its outcome.
            decided_ms = record.timestamp - completion.timings.total * 1000
            seen.append((dict(record.headers)[CE_WORKER].decode(), decided_ms, completion))

    following = asyncio.create_task(follow())
    try:
        yield seen
    finally:
        following.cancel()
        await consumer.stop()


def revisions(seen, first: int) -> dict[str, int]:
    """The newest revision by which each worker has decided, among what was seen from a place on."""
    newest: dict[str, int] = {}
    for worker, _, each in seen[first:]:
        newest[worker] = max(newest.get(worker, 0), each.decision.revision)
    return newest


def until_wavenet_s(seen, clicked_ms: float, revision: int) -> float:
    """From the click to the last decision of any worker by the revision before, in seconds."""
    older = [time for _, time, each in seen if each.decision.revision == revision - 1]
    return max(0.0, (max(older) - clicked_ms) / 1000)


@pytest.mark.alone
async def test_a_click_on_off_reaches_two_workers_under_load_within_two_seconds(deployment, tmp_path):
    deployment.environment |= {**TOPIC, "CHIRP3_ENABLED_CHARACTERS": ""}
    clicks: list[tuple[float, int]] = []
    looks: list[float] = []
    with ExitStack() as stack:
        for number in range(2):
            stack.enter_context(deployment.worker(f"worker-{number}"))
        address = stack.enter_context(serve_console(deployment))
        settings = load_settings(deployment.environment).kafka
        async with (
            connect_producer(settings) as producer,
            completions_seen(deployment) as seen,
            browser(tmp_path) as shown,
        ):
            flow = Flow("off", JOBS_A_SECOND, ["pip_boy", "ghoul"])
            traffic = asyncio.create_task(send_steadily(producer, deployment.topic(LANES[Lane.DIALOGUE]), flow))
            await log_in(shown, address)
            revision = 1
            for click in range(CLICKS):
                if click:
                    await rollout(deployment, "set", "--enabled", "--percentage", "100", "--yes")
                    revision += 1
                await shown.until(f"{FIGURE} == '100 %'")
                begin = len(seen)
                # Both workers speak by Chirp, so that there is something to turn off.
                await until(lambda b=begin, r=revision: list(revisions(seen, b).values()) == [r, r])
                clicked_ms = await shown.run(CLICK)
                revision += 1
                await until(lambda b=begin, r=revision: list(revisions(seen, b).values()) == [r, r])
                await shown.until(f"{FIGURE} == 'off'")
                clicks.append((clicked_ms, revision))
                looks.append(await shown.run(LOOK))
            traffic.cancel()
    took = [until_wavenet_s(seen, *each) for each in clicks]
    print(f"after a click the last decision by the revision before came after {', '.join(f'{e:.2f}' for e in took)} s")
    print(f"the page itself took {', '.join(f'{each:.2f}' for each in looks)} s to be answered")
    # Less the time that three requests take on this machine: the click's own answer needs more. One click that a stall
    # holds up says nothing; were workers to look every few seconds, most would take longer.
    assert statistics.median(took) < WITHIN_S + 3 * statistics.median(looks)
    reasons = {each.decision.reason for _, _, each in seen if each.decision.revision % 2 == 0}
    assert reasons == {DecisionReason.DISABLED}
    assert {each.voice_model for _, _, each in seen if each.decision.revision % 2 == 0} == {"wavenet"}
