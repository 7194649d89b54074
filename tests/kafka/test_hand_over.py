"""Another worker joins while a batch waits for quota."""

from schemas.enums import Lane
from tests.stack.deployment import job
from tests.stack.test_outages import until_called
from tests.until import until

# One in ten seconds: with all 30 jobs taken nearly all wait, most for quota and some for a job of the same line.
SETTINGS = {"QUOTA_WAVENET_PER_MINUTE": "6", "MAX_IN_FLIGHT": "60", "REVOKE_WAIT_S": "60"}


async def test_a_batch_that_waits_for_quota_holds_no_hand_over_up_and_nothing_is_made_twice(deployment):
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.2})
    texts = [*(f"Line {number}." for number in range(20)), *["This one is asked for often."] * 10]
    with deployment.worker("first", **SETTINGS) as (first, _):
        await deployment.produce(
            (job(number, text=text, voice="wavenet") for number, text in enumerate(texts)), Lane.BATCH
        )
        await until_called(deployment, 1)
        with deployment.worker("second", **SETTINGS) as (second, _):
            await until(lambda: first.log.read_text().count('"event": "assigned"') >= 2)
            assert (await deployment.calls())["total"] < len(set(texts)), "or nothing waited"
            called = (await deployment.calls())["total"]
            await until_called(deployment, called + 2)
        logs = first.log.read_text() + second.log.read_text()
    with deployment.worker("without a quota"):
        completions = await deployment.completions(len(texts))
    # Whoever waits for all of REVOKE_WAIT_S says so.
    assert "rebalance_with_jobs_in_work" not in logs
    assert {completion.status for completion in completions} == {"done"}
    made_for_all = len(set(texts))
    # The line that is asked for often may lie on both, and be made by each.
    assert made_for_all <= (await deployment.calls())["total"] <= made_for_all + 1
