"""Memory doesn't grow with the backlog."""

from tests.faults.campaign import Campaign, report
from tests.faults.scale import SCALE
from tests.faults.test_outages import resident_mb
from tests.stack.deployment import Deployment

SMALL_BACKLOG = 1000


async def test_memory_does_not_grow_with_the_backlog(kafka_stack, tmp_path):
    memory = {}
    for backlog in (SMALL_BACKLOG, SCALE.backlog):
        mine = Deployment(kafka_stack, tmp_path)
        await mine.create_topics()
        campaign = Campaign(mine, backlog)
        await campaign.produce()
        # Both do the same number of jobs; only what lies behind them differs.
        with mine.worker(f"of-{backlog}") as (process, _):
            await campaign.completions(timeout_s=400, until=SMALL_BACKLOG, quiet_s=0.1)
            memory[backlog] = resident_mb(process.pid)
            process.kill()
    ratio = memory[SCALE.backlog] / memory[SMALL_BACKLOG]
    report(
        f"8. a backlog of {SCALE.backlog} jobs",
        resident=f"{memory[SCALE.backlog]:.0f} MB",
        of_1000_jobs=f"{memory[SMALL_BACKLOG]:.0f} MB",
        ratio=f"{ratio:.2f}",
    )
    assert ratio <= 1.2
