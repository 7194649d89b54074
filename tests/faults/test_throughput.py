"""What exactly-once costs."""

from tests.faults.campaign import Campaign, rate, report, worker_settings
from tests.faults.scale import SCALE
from tests.stack.deployment import Deployment


async def test_exactly_once_costs_little_throughput(kafka_stack, tmp_path):
    rates: dict[str, list[float]] = {"at-least-once": [], "exactly-once": []}
    for _ in range(SCALE.rounds):
        for guarantee, measured in rates.items():
            mine = Deployment(kafka_stack, tmp_path)
            await mine.reset_emulator()
            await mine.emulator(latency={"kind": "constant", "seconds": 0.05})
            await mine.create_topics()
            campaign = Campaign(mine, SCALE.jobs)
            await campaign.produce()
            with mine.worker(f"{mine.name}", **worker_settings(mine, guarantee, MAX_IN_FLIGHT="64")):
                ended = await campaign.completions(timeout_s=300, quiet_s=0.5)
            assert campaign.lost(ended) == set()
            measured.append(rate(ended))
    best = {guarantee: max(measured) for guarantee, measured in rates.items()}
    report(
        f"Exactly-once, {SCALE.rounds} rounds of {SCALE.jobs} jobs",
        at_least_once=f"{best['at-least-once']:.0f} jobs/s",
        exactly_once=f"{best['exactly-once']:.0f} jobs/s",
        ratio_of_the_best=f"{best['exactly-once'] / best['at-least-once']:.2f}",
    )
