"""One line asked for a hundred times at once, over three workers."""

from contextlib import ExitStack

from tests.stack.deployment import job

WORKERS = 3


async def test_three_workers_make_a_line_that_is_asked_for_at_once_once_each_at_most_and_tell_of_one_take(deployment):
    await deployment.emulator(latency={"kind": "constant", "seconds": 1.0})
    with ExitStack() as stack:
        workers = [
            stack.enter_context(deployment.worker(f"worker-{number}", MAX_IN_FLIGHT="100"))[0]
            for number in range(WORKERS)
        ]
        await deployment.produce(job(number, text="All at once.", voice="chirp3-hd") for number in range(100))
        completions = await deployment.completions(100)
        worked = sum('"event": "job"' in worker.log.read_text() for worker in workers)
    calls = (await deployment.calls())["total"]
    assert worked == WORKERS
    assert 1 <= calls <= WORKERS
    assert sum(len(completion.attempts) for completion in completions) == calls
    assert {completion.job_id for completion in completions} == {f"job-{number}" for number in range(100)}
    assert len({completion.audio.sha256 for completion in completions}) == 1
    assert len([key for key in await deployment.keys() if key.startswith(deployment.name)]) == 1
