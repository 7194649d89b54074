"""Several workers under one parent: `run --processes`."""

import asyncio
import json
import os
import signal
from contextlib import contextmanager

import pytest

from loadtest.stack.counters import scrape
from loadtest.stack.local_stack import worker_process
from schemas.enums import JobStatus
from tests.kafka.test_membership import count_members
from tests.stack.deployment import get, job
from tests.until import HANG_S, until


@contextmanager
def two_processes(deployment, **settings):
    environment = {**deployment.environment, **settings}
    command = ("run", "--processes", "2")
    with worker_process(environment, deployment.folder, "parent", command, start=deployment.start) as started:
        yield started


async def processes(address: str) -> list[dict]:
    return json.loads((await get(f"{address}/readyz"))[1])["processes"]


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def log_lines(parent, event: str) -> list[dict]:
    return [json.loads(line) for line in parent.log.read_text().splitlines() if f'"event": "{event}"' in line]


async def test_two_processes_share_the_work_and_one_that_is_killed_comes_back(deployment):
    with two_processes(deployment) as (parent, address):

        async def counted() -> float:
            return (await scrape(address)).total("tts_jobs_total", outcome="done")

        await deployment.produce(job(number) for number in range(60))
        await deployment.completions(60)
        assert await until(counted) == 60
        first, second = await processes(address)
        assert (first["ready"], first["restarts"], second["number"]) == (True, 0, 2)
        # Both worked, each under its number.
        assert {each["process"] for each in log_lines(parent, "job")} == {1, 2}
        os.kill(first["pid"], signal.SIGKILL)
        await deployment.produce(job(number) for number in range(60, 120))
        # Those of the killed one's partitions wait for its return.
        await deployment.completions(120)

        async def is_back() -> bool:
            status, _ = await get(f"{address}/readyz")
            return status == 200 and (await processes(address))[0]["restarts"] == 1

        await until(is_back)
        scraped = await scrape(address)
        # What the killed one had counted is still there.
        assert scraped.total("tts_jobs_total", outcome="done") >= 120
        assert scraped.total("tts_process_restarts_total") == 1
        assert scraped.total("tts_processes_answering") == scraped.total("tts_processes_wanted") == 2
        assert (await get(f"{address}/healthz"))[0] == 200
        # Static members under the parent's own name, which isn't one to come back to.
        assert await count_members(deployment) == 2
        pids = [each["pid"] for each in await processes(address)]
        parent.signal(signal.SIGTERM)
        assert await asyncio.to_thread(parent.wait, HANG_S) == 0
        assert not any(map(runs, pids))
        assert len(log_lines(parent, "stopped")) == 2
    # Without the session timeout: they left.
    assert await count_members(deployment) == 0
    completions = await deployment.completions(120)
    assert {completion.status for completion in completions} == {JobStatus.DONE}


async def test_processes_end_with_a_parent_that_is_killed(deployment):
    with two_processes(deployment) as (parent, address):
        pids = [each["pid"] for each in await processes(address)]
        parent.signal(signal.SIGKILL)
        await until(lambda: not any(map(runs, pids)))


async def test_a_second_signal_ends_all_at_once(deployment):
    await deployment.set_faults({"kind": "hang"})
    patient = {"TTS_TIMEOUT_BASE_S": "600", "TTS_TIMEOUT_MAX_S": "600", "SHUTDOWN_GRACE_S": "3600"}
    with two_processes(deployment, **patient) as (parent, address):
        pids = [each["pid"] for each in await processes(address)]
        await deployment.produce(job(number) for number in range(60))

        async def all_hang() -> bool:
            return (await deployment.calls())["in_flight"] == 60

        await until(all_hang)
        parent.signal(signal.SIGTERM)
        await until(lambda: len(log_lines(parent, "draining")) == 2)
        parent.signal(signal.SIGTERM)
        assert await asyncio.to_thread(parent.wait, HANG_S) == 143
        assert not any(map(runs, pids))


async def test_what_cannot_start_ends_the_parent(deployment):
    missing = deployment.folder / "missing.yaml"
    with (
        pytest.raises(Exception, match="can't start: it ended with exit code 2"),
        two_processes(deployment, CHARACTERS_FILE=str(missing)),
    ):
        pass
    log = (deployment.folder / "parent.log").read_text()
    assert str(missing) in log
