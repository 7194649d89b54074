"""What the controller does about an ill Chirp: off, a step back, one character out, or a hold."""

import asyncio

import pytest

from loadtest.stack.ports import free_ports
from loadtest.stack.processes import Process
from tests.faults.campaign import report
from tests.faults.rollouts import plan, rolling_out, stage
from tests.faults.scale import SCALE, SMALL
from tests.stack.deployment import program
from tests.until import until

# Rates and times decide here, which other tests on the same cores would change.
pytestmark = pytest.mark.alone

JOBS_A_SECOND = 100
FULL_ONLY = pytest.mark.skipif(SCALE is SMALL, reason="one of each kind is enough in CI; all with FAULTS=full")
CHIRP = {"voice_model": "chirp3-hd"}
FAILS = {"kind": "status", "code": "INTERNAL", **CHIRP}
# One quick retry: a call that fails with this share fails twice with its square.
ONCE = {"kind": "status", "code": "INVALID_ARGUMENT", **CHIRP}


def two_stages(*, timed: bool) -> dict:
    """The second one lasts: what happens in it is the rules' doing. A busy machine is slow: times count if `timed`."""
    made = plan("faults", stage("half", 50), stage("full", 100, at_least="1h"))
    if not timed:
        rules = made["roll_back"]
        rules["at_once"] = [rule for rule in rules["at_once"] if rule["measure"] != "mean_time"]
    return made


async def reach_full(rollout, tmp_path, *, timed: bool = False) -> None:
    await rollout.start(two_stages(timed=timed), tmp_path, "--stage", "full")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("errors", {**ONCE, "share": SCALE.errors}),
        pytest.param("slow", {"kind": "slow", "seconds": 6.0, **CHIRP}, marks=FULL_ONLY),
        pytest.param("fallbacks", {**ONCE, "share": 0.25}, marks=FULL_ONLY),
    ],
)
async def test_chirp_is_turned_off_at_once(deployment, tmp_path, name, fault):
    async with rolling_out(deployment, JOBS_A_SECOND) as rollout:
        await reach_full(rollout, tmp_path, timed=True)
        await deployment.set_faults(fault)
        off = await rollout.until(lambda each: not each.enabled and each.run is not None)
    assert off.actor.startswith("controller")
    assert off.run.phase == "waiting"
    report(f"2. {name}: off", why=off.reason, judged=[(m.gate, m.value, m.sample) for m in off.measured])


async def test_errors_between_the_limits_are_a_step_back(deployment, tmp_path):
    async with rolling_out(deployment, JOBS_A_SECOND) as rollout:
        await reach_full(rollout, tmp_path)
        await deployment.set_faults({**ONCE, "share": 0.075})
        back = await rollout.until(lambda each: each.run is not None and each.run.stage == "half")
    assert back.enabled
    assert back.percentage == 5_000
    assert back.run.phase == "waiting"
    report("2. errors 7.5 %: a step back", why=back.reason)


async def test_one_broken_character_is_quarantined_and_the_others_stay(deployment, tmp_path):
    async with rolling_out(deployment, JOBS_A_SECOND) as rollout:
        await reach_full(rollout, tmp_path)
        voice = "en-US-Chirp3-HD-Despina"
        await deployment.set_faults({**ONCE, "voice": voice, "share": 0.5})
        out = await rollout.until(lambda each: bool(each.quarantined))
        await asyncio.sleep(20)
        last = rollout.revisions[-1]
    assert set(out.quarantined) == {"codsworth"}
    assert (last.enabled, last.percentage, set(last.quarantined)) == (True, 10_000, {"codsworth"}), last.reason
    report("2. one character broken: quarantined", why=out.reason)


@FULL_ONLY
async def test_three_seconds_on_average_are_a_hold(deployment, tmp_path):
    async with rolling_out(deployment, JOBS_A_SECOND // 2) as rollout:
        await deployment.set_faults({"kind": "slow", "seconds": 3.0, **CHIRP})
        await rollout.start(plan("hold", stage("half", 50), stage("full", 100)), tmp_path)
        await asyncio.sleep(60)
        judged = (await rollout.status())["judged"]
        last = rollout.revisions[-1]
    assert (last.enabled, last.percentage, last.run.stage, last.run.phase) == (True, 5_000, "half", "running")
    assert any("mean_time" in each for each in judged["waits_for"])
    report("2. 3 s on average: hold", waits_for=judged["waits_for"])


@FULL_ONLY
async def test_a_chirp_that_is_wholly_broken_at_ten_percent_passes_no_gate(deployment, tmp_path):
    async with rolling_out(deployment, JOBS_A_SECOND) as rollout:
        await deployment.set_faults(ONCE)
        # No rule: it is the gates that are looked at. Over both models more than 90 % succeed.
        await rollout.start(plan("broken", stage("ten", 10), stage("full", 100), roll_back={}), tmp_path)
        await asyncio.sleep(45)
        judged = (await rollout.status())["judged"]
        last = rollout.revisions[-1]
    assert last.run.stage == "ten"
    rates = [each for each in judged["judged"] if each["title"] in {"error_rate", "fallback_rate"}]
    assert rates
    assert {each["verdict"] for each in rates} <= {"fail", "hold"}
    report(
        "2. Chirp wholly broken at 10 %: no gate passes", gates=[(e["title"], e["verdict"], e["value"]) for e in rates]
    )


async def test_without_prometheus_its_gate_holds_and_off_works(deployment, tmp_path):
    (port,) = free_ports(1)
    query = {"measure": "query", "name": "complaints", "query": "vector(0)", "limit": 1}
    small = plan("asks", stage("half", 50, at_least="1s"), stage("full", 100), gates=[query])
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {}\n")
    command = [
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    async with rolling_out(deployment, 5, PROMETHEUS_URL=f"http://127.0.0.1:{port}") as rollout:
        await rollout.start(small, tmp_path)

        async def held() -> dict | None:
            judged = (await rollout.status())["judged"] or {}
            is_held = any("complaints" in each for each in judged.get("waits_for", ()))
            return judged if is_held and judged["stage"] == "half" else None

        waits_for = (await until(held))["waits_for"]
        await asyncio.sleep(3)
        assert rollout.revisions[-1].run.stage == "half"
        server = Process("prometheus", command, tmp_path / "prometheus.log")
        try:
            await rollout.until(lambda each: each.run is not None and each.run.stage == "full")
        finally:
            server.stop()
        await rollout.cli("off", "--actor", "anna")
        off = await rollout.until(lambda each: each.run is not None and not each.enabled)
    assert off.actor == "anna"
    report("2. Prometheus down: its gate held, up: it passed, down again: off worked", waits_for=waits_for)
