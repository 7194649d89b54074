"""Google and the store out of reach, at the start and in mid-run: jobs wait and end well, and little is said."""

import asyncio
import json
import signal
import sys
import time
from collections import Counter
from contextlib import contextmanager
from http import HTTPStatus

from loadtest.stack.counters import scrape
from loadtest.stack.local_stack import worker_environment
from loadtest.stack.ports import free_ports
from loadtest.stack.processes import Process
from schemas.enums import JobStatus
from tests.stack.deployment import get, job
from tests.stack.wire import wire_to
from tests.until import HANG_S, until
from worker.config.settings import load_settings
from worker.speech.google import connect_google
from worker.speech.health import trial_call

JOBS = 120
IN_FLIGHT = "16"
PROBE_S = 0.3
"""Seconds between two probes of Google."""
TRIES = 12


async def until_waiting(address: str, what: str) -> str:
    """What /readyz says of a dependency once the worker waits for it."""

    async def waits_for() -> str | None:
        try:
            status, text = await get(f"{address}/readyz")
        except OSError:
            return None
        lines = json.loads(text)["waits_for"] if status == HTTPStatus.SERVICE_UNAVAILABLE else []
        return next((line for line in lines if what in line), None)

    return await until(waits_for)


async def until_ready(address: str) -> None:
    async def ready() -> bool:
        try:
            return (await get(f"{address}/readyz"))[0] == HTTPStatus.OK
        except OSError:
            return False

    await until(ready)


async def until_called(deployment, calls: int) -> None:
    async def called() -> bool:
        return (await deployment.calls())["total"] >= calls

    await until(called)


def logged(process: Process) -> list[dict]:
    return [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]


def reported(process: Process, dependency: str) -> list[str]:
    """What the log says of an outage, and that it says nothing else above `info` and one line a job."""
    lines = logged(process)
    loud = [line for line in lines if line["level"] in {"warning", "error"} and line["event"] != "dependency_down"]
    assert loud == []
    assert Counter(line["event"] for line in lines)["job"] == JOBS
    assert len(lines) < JOBS + 15
    return outages(process, dependency)


def outages(process: Process, dependency: str) -> list[str]:
    """The beginnings and ends of a dependency's outages; another may be silent for a while on a starved machine."""
    return [line["event"] for line in logged(process) if line.get("dependency") == dependency]


async def all_done_and_paid_once(deployment) -> None:
    completions = await deployment.completions(JOBS)
    assert Counter(c.job_id for c in completions) == Counter(f"job-{number}" for number in range(JOBS))
    assert {completion.status for completion in completions} == {JobStatus.DONE}
    assert {len(completion.attempts) for completion in completions} == {1}
    assert (await deployment.calls())["total"] == JOBS
    assert await deployment.dead_letters(0) == []


async def test_jobs_wait_for_a_store_that_breaks_off_and_audio_that_was_paid_for_is_not_made_again(deployment):
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.3})
    with wire_to(deployment.stack.s3) as wire:
        settings = {
            "S3_ENDPOINT_URL": f"http://{wire.address}",
            "S3_PROBE_INTERVAL_S": "0.2",
            "MAX_IN_FLIGHT": IN_FLIGHT,
        }
        with deployment.worker(**settings) as (process, address):
            await deployment.produce(job(number) for number in range(JOBS))
            await until_called(deployment, JOBS // 3)
            wire.cut()
            paid = (await deployment.calls())["total"]
            await until_waiting(address, "bucket tts-audio can't be reached")

            async def down() -> bool:
                metrics = await scrape(address)
                return metrics.total("tts_dependency_down", dependency="s3") == 1

            await until(down)
            await asyncio.sleep(3)
            paid_in_the_outage = (await deployment.calls())["total"] - paid
            wire.mend()
            await until_ready(address)
            await all_done_and_paid_once(deployment)
    assert paid_in_the_outage <= int(IN_FLIGHT), "nothing but the jobs in flight is paid for while it can't be stored"
    assert reported(process, "s3") == ["dependency_down", "dependency_up"]


async def test_jobs_wait_for_a_store_that_takes_connections_and_says_nothing(deployment):
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.3})
    with wire_to(deployment.stack.s3) as wire:
        settings = {"S3_ENDPOINT_URL": f"http://{wire.address}", "S3_PROBE_INTERVAL_S": "0.2", "S3_TIMEOUT_S": "6"}
        with deployment.worker(**settings, MAX_IN_FLIGHT=IN_FLIGHT) as (process, address):
            await deployment.produce(job(number) for number in range(JOBS))
            await until_called(deployment, JOBS // 3)
            wire.hold()
            await until_waiting(address, "S3")
            await asyncio.sleep(2)
            wire.mend()
            await until_ready(address)
            await all_done_and_paid_once(deployment)
    said = reported(process, "s3")
    # The probe has three seconds for an answer: a store that stands still for longer is down once more.
    assert said == ["dependency_down", "dependency_up"] * (len(said) // 2)
    assert said


async def test_jobs_wait_for_a_store_that_is_killed_and_started_again(deployment):
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.3})
    with deployment.worker(S3_PROBE_INTERVAL_S="0.2", MAX_IN_FLIGHT=IN_FLIGHT) as (process, address):
        await deployment.produce(job(number) for number in range(JOBS))
        await until_called(deployment, JOBS // 3)
        deployment.stack.store.kill()
        try:
            await until_waiting(address, "S3")
        finally:
            await asyncio.to_thread(deployment.stack.store.start)
        await until_ready(address)
        await all_done_and_paid_once(deployment)
    completions = await deployment.completions(JOBS)
    async with deployment.store() as store:
        for completion in completions:
            assert len(await store.fetch(completion.audio.key)) == completion.audio.bytes
    assert reported(process, "s3")[0] == "dependency_down"
    assert reported(process, "s3")[-1] == "dependency_up"


async def test_jobs_wait_while_google_answers_unavailable_to_everything(deployment):
    settings = {"TTS_PROBE_INTERVAL_S": f"{PROBE_S}", "MAX_IN_FLIGHT": IN_FLIGHT}
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.2})
    with deployment.worker(**settings) as (process, address):
        await deployment.produce(job(number) for number in range(JOBS))
        await until_called(deployment, JOBS // 3)
        await deployment.set_faults({"kind": "status", "code": "UNAVAILABLE"})
        await until_waiting(address, "WaveNet can't be reached")
        began, before = time.monotonic(), (await deployment.calls())["total"]
        await asyncio.sleep(1.5)
        probes = (await deployment.calls())["total"] - before
        outage_s = time.monotonic() - began
        await deployment.set_faults()
        await until_ready(address)
        completions = await deployment.completions(JOBS)
    assert {completion.status for completion in completions} == {JobStatus.DONE}
    assert len(completions) == JOBS
    # Those in flight tried each voice model once before the gate was closed; then there were but the probes, each with
    # its quick retry.
    assert probes <= 4 * int(IN_FLIGHT) + 2 * (outage_s / PROBE_S + 1)
    assert max(len(completion.attempts) for completion in completions) <= 3
    assert await deployment.dead_letters(0) == []
    assert reported(process, "google") == ["dependency_down", "dependency_up"]


async def test_jobs_wait_for_a_google_that_is_killed_and_started_again(deployment):
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.2})
    with deployment.worker(TTS_PROBE_INTERVAL_S=f"{PROBE_S}", MAX_IN_FLIGHT=IN_FLIGHT) as (process, address):
        await deployment.produce(job(number) for number in range(JOBS))
        await until_called(deployment, JOBS // 3)
        deployment.stack.emulator_process.kill()
        try:
            await until_waiting(address, "WaveNet can't be reached")
            await asyncio.sleep(3)
        finally:
            await asyncio.to_thread(deployment.stack.emulator_process.start)
        await until_ready(address)
        completions = await deployment.completions(JOBS)
    assert {completion.status for completion in completions} == {JobStatus.DONE}
    assert len(completions) == JOBS
    assert reported(process, "google") == ["dependency_down", "dependency_up"]


async def test_a_channel_to_google_tries_again_soon_however_long_the_break(deployment, catalogue):
    with wire_to(deployment.stack.emulator) as wire:
        settings = load_settings({**deployment.environment, "TTS_ENDPOINT": wire.address})
        async with connect_google(settings.google) as google:
            trial = trial_call(google, catalogue)
            assert await trial() is None
            wire.refuse()

            async def tried_often() -> bool:
                assert (await trial()).code == "UNAVAILABLE"
                return wire.refused >= TRIES

            # By its own back-off gRPC would rest longer each time, and try so often in more than three minutes.
            await until(tried_often)
            wire.mend()

            async def works() -> bool:
                return await trial() is None

            await until(works)


async def test_when_google_fails_one_line_alone_the_others_go_on(deployment):
    await deployment.set_faults({"kind": "status", "code": "UNAVAILABLE", "text_pattern": "number 7\\."})
    with deployment.worker() as (process, address):
        await deployment.produce(job(number) for number in range(20))
        completions = await deployment.completions(19)
        await until_ready(address)
    assert {c.job_id for c in completions if c.status is JobStatus.DONE} == {f"job-{n}" for n in range(20) if n != 7}
    assert outages(process, "google") == []


@contextmanager
def starting(deployment, **settings: str):
    """A worker that need not become ready."""
    (port,) = free_ports(1)
    environment = worker_environment({**deployment.environment, "HTTP_PORT": str(port), **settings})
    log = deployment.folder / "starting.log"
    process = Process("starting", [sys.executable, "-m", "worker", "run"], log, environment)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.stop()


async def test_a_start_waits_for_the_store_says_so_once_and_goes_on(deployment):
    with wire_to(deployment.stack.s3) as wire:
        wire.cut()
        settings = {"S3_ENDPOINT_URL": f"http://{wire.address}", "S3_PROBE_INTERVAL_S": "0.2"}
        with starting(deployment, **settings) as (process, address):
            await deployment.produce([job(1)])
            await until_waiting(address, "bucket tts-audio can't be reached")
            await asyncio.sleep(2)
            assert process.running
            assert (await get(f"{address}/healthz"))[0] == 200
            assert (await scrape(address)).total("tts_dependency_down", dependency="s3") == 1
            wire.mend()
            await until_ready(address)
            (completion,) = await deployment.completions(1)
            of_the_store = [line for line in logged(process) if line.get("dependency", "s3") == "s3"]
            events = [line["event"] for line in of_the_store if line["event"] != "quota_share"]
    assert completion.status is JobStatus.DONE
    assert events[:3] == ["dependency_down", "dependency_up", "started"]


async def test_a_signal_ends_a_start_that_waits_for_the_store(deployment):
    with starting(deployment, S3_ENDPOINT_URL="http://127.0.0.1:1") as (process, address):
        await until_waiting(address, "S3")
        await asyncio.sleep(0.5)
        process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, HANG_S) == 143
        assert "Traceback" not in process.log.read_text()


async def test_what_waiting_does_not_mend_ends_the_start_with_one_line(deployment):
    for settings in ({"S3_BUCKET": "no-such-bucket"}, {"S3_SECRET_ACCESS_KEY": "wrong"}):
        with starting(deployment, **settings) as (process, _):
            assert await asyncio.to_thread(process.wait, HANG_S) == 1
            # A store that stands still at first is waited for.
            (line,) = [each for each in process.log.read_text().splitlines() if not each.startswith("{")]
            assert line.startswith("chirp-worker: bucket ")
        process.log.unlink()
