"""Dialogue goes first: whatever lies in the batch lane, a dialogue job is done beside it."""

from schemas.enums import Lane
from tests.stack.deployment import job
from tests.until import until


async def test_batch_jobs_that_hang_leave_slots_to_dialogue(deployment):
    await deployment.set_faults({"kind": "hang", "text_pattern": "a batch line"})
    # A hanging call is given up after a time in which all dialogue jobs are done by far.
    patient = {"TTS_TIMEOUT_BASE_S": "600", "TTS_TIMEOUT_MAX_S": "600"}
    with deployment.worker(MAX_IN_FLIGHT="4", DIALOGUE_SHARE="0.25", **patient):
        await deployment.produce((job(n, text=f"This is a batch line, {n}.") for n in range(20)), Lane.BATCH)

        async def hang() -> bool:
            return (await deployment.calls())["in_flight"] >= 3

        await until(hang)
        await deployment.produce(job(number, job_id=f"dialogue-{number}") for number in range(10))
        completions = await deployment.completions(10)
        calls = await deployment.calls()
    assert {completion.job_id for completion in completions} == {f"dialogue-{number}" for number in range(10)}
    assert calls["in_flight"] == 3
    assert calls["highest_in_flight"] == 4
