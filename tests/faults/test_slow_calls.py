"""A few very slow calls: they hold back nothing, and a kill redoes nothing of what is committed above their gap."""

import asyncio
import signal

from tests.faults.campaign import Campaign, rate, report, worker_settings
from tests.faults.scale import SCALE
from tests.until import HANG_S, until

SHARE = 0.01


def slow_pattern(jobs: int) -> tuple[str, set[str]]:
    """Every hundredth job, chosen by number, none among the last fifth."""
    numbers = range(50, jobs * 4 // 5, 100)
    return rf"line number (?:{'|'.join(map(str, numbers))})\.", {f"job-{number}" for number in numbers}


async def rate_of_the_rest(deployment, name: str, slow: set[str], campaign: Campaign) -> float:
    """Jobs a second of those that aren't slow, from the first to the last of their completions."""
    settings = worker_settings(
        deployment, "at-least-once", MAX_IN_FLIGHT="256", TTS_TIMEOUT_BASE_S="60", TTS_TIMEOUT_MAX_S="90"
    )
    with deployment.worker(name, **settings):
        ended = await campaign.completions(timeout_s=400, quiet_s=0.5)
    assert campaign.lost(ended) == set()
    assert not campaign.repeats(ended)
    return rate(each for each in ended if each.job_id not in slow)


async def test_the_rest_goes_on_as_fast_while_one_call_in_a_hundred_is_slow(deployment, kafka_stack, tmp_path):
    from tests.stack.deployment import Deployment  # noqa: PLC0415

    jobs = SCALE.slow_jobs
    pattern, slow = slow_pattern(jobs)
    rates = []
    for name, faults in (
        ("even", []),
        ("uneven", [{"kind": "slow", "seconds": SCALE.slow_s, "text_pattern": pattern}]),
    ):
        mine = deployment if not rates else Deployment(kafka_stack, tmp_path)
        if rates:
            await mine.create_topics()
        await mine.set_faults(*faults)
        campaign = Campaign(mine, jobs)
        await campaign.produce()
        rates.append(await rate_of_the_rest(mine, name, slow, campaign))
    report(
        f"6. {jobs} jobs, {len(slow)} of the calls take {SCALE.slow_s:g} s",
        the_rest=f"{rates[1]:.0f} jobs/s",
        without_slow_calls=f"{rates[0]:.0f} jobs/s",
        ratio=f"{rates[1] / rates[0]:.2f}",
    )


async def test_a_kill_redoes_nothing_that_is_committed_above_the_gap(deployment):
    jobs = SCALE.slow_jobs
    pattern, slow = slow_pattern(jobs)
    await deployment.set_faults({"kind": "hang", "text_pattern": pattern})
    campaign = Campaign(deployment, jobs)
    await campaign.produce()
    settings = worker_settings(
        deployment, "at-least-once", MAX_IN_FLIGHT="256", TTS_TIMEOUT_BASE_S="600", TTS_TIMEOUT_MAX_S="600"
    )
    with deployment.worker("killed", **settings) as (process, _):

        async def half() -> bool:
            return len(set(await campaign.published())) >= jobs // 2

        await until(half)
        process.signal(signal.SIGKILL)
        await asyncio.to_thread(process.wait, HANG_S)
    await campaign.settled()
    await deployment.set_faults()
    published = set(await campaign.published())
    committed = await campaign.committed_jobs()
    above = await campaign.committed_above_gaps()
    with deployment.worker("last", **settings):
        ended = await campaign.completions(timeout_s=400)
    repeats = campaign.repeats(ended)
    report(
        f"6. SIGKILL in the middle of {jobs} jobs, {len(slow)} of the calls hang",
        lost=len(campaign.lost(ended)),
        published_at_the_kill=len(published),
        committed_as_done=len(committed),
        of_these_above_a_gap=len(above),
        repeated=repeats.total(),
        of_these_committed_as_done=len(set(repeats) & committed),
    )
    assert campaign.lost(ended) == set()
    # Without the map there would be none, and all of these would be done again.
    assert above
    assert not set(repeats) & committed
    assert repeats.total() <= len(published - committed)
