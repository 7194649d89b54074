"""The full-bucket night: uploads are refused while look-ups work. Jobs wait, and little is paid for."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from schemas.enums import JobStatus
from tests.s3_standin import QUOTA, s3_standin_beside
from tests.stack.deployment import Deployment, job
from tests.stack.test_outages import outages, starting, until_ready, until_waiting

JOBS = 200
IN_FLIGHT = 16
WORKER = {"S3_PROBE_INTERVAL_S": "0.2", "MAX_IN_FLIGHT": str(IN_FLIGHT)}
Act = Callable[[], Awaitable[None]]


async def paid_in_the_night(
    deployment: Deployment, fill: Act, mend: Act, says: str, **settings: str
) -> tuple[int, str]:
    """200 jobs arrive while nothing can be stored; all are done after it is mended, and none is paid for twice.

    Args:
        says: a part of what /readyz says.

    Returns:
        How many calls of Google were paid for before, and what /readyz said.
    """
    with deployment.worker(**WORKER, **settings) as (process, address):
        await fill()
        await deployment.produce(job(number) for number in range(JOBS))
        waits_for = await until_waiting(address, says)
        # Jobs in flight end their calls; beside them nothing may be paid for, however long it takes.
        await asyncio.sleep(3)
        paid = (await deployment.calls())["total"]
        await mend()
        await until_ready(address)
        completions = await deployment.completions(JOBS)
    assert Counter(completion.status for completion in completions) == {JobStatus.DONE: JOBS}
    assert await deployment.dead_letters(0) == []
    assert (await deployment.calls())["total"] == JOBS
    assert outages(process, "s3") == ["dependency_down", "dependency_up"]
    return paid, waits_for


async def test_a_night_with_a_full_bucket_pays_for_what_is_in_flight_and_loses_nothing(deployment: Deployment) -> None:
    with s3_standin_beside() as s3:

        async def fill() -> None:
            s3.refused["PUT"] = QUOTA

        async def mend() -> None:
            s3.refused.clear()

        paid, line = await paid_in_the_night(deployment, fill, mend, "bucket", S3_ENDPOINT_URL=s3.address)
        assert len(s3.takes) == JOBS
    assert paid <= IN_FLIGHT
    assert line.startswith("S3: bucket tts-audio is full or read-only: raise the quota")


async def test_a_night_with_a_read_only_bucket_of_seaweedfs_pays_for_what_is_in_flight(deployment: Deployment) -> None:
    async def fill() -> None:
        await asyncio.to_thread(deployment.stack.set_read_only, read_only=True)

    async def mend() -> None:
        await asyncio.to_thread(deployment.stack.set_read_only, read_only=False)

    try:
        paid, line = await paid_in_the_night(deployment, fill, mend, "takes no uploads")
    finally:
        await mend()
    assert paid <= IN_FLIGHT
    assert "tts-audio takes no uploads: check the store: is the bucket full or read-only" in line


async def test_a_worker_that_starts_with_a_full_bucket_pays_for_nothing_until_there_is_room(
    deployment: Deployment,
) -> None:
    with s3_standin_beside() as s3:
        s3.refused["PUT"] = QUOTA
        await deployment.produce([job(1)])
        with starting(deployment, S3_ENDPOINT_URL=s3.address, S3_PROBE_INTERVAL_S="0.2") as (_, address):
            await until_waiting(address, "bucket tts-audio is full or read-only")
            assert (await deployment.calls())["total"] == 0
            s3.refused.clear()
            await until_ready(address)
            (completion,) = await deployment.completions(1)
    assert completion.status is JobStatus.DONE
