"""The controller on Apache Kafka counts what players report and what listeners vote, and acts on it."""

import asyncio
import itertools
import json
from contextlib import asynccontextmanager

import yaml
from aiokafka import AIOKafkaProducer

from loadtest.stack.local_stack import worker_process
from schemas.enums import VoiceModel
from schemas.events import feedback_headers, vote_headers
from schemas.topics import FEEDBACK, VOTES
from tests.kafka.test_controller import Traffic, beside, plan, revision_of, stage, until
from tests.kafka.test_rollout import rollout
from tests.stack.cli import run
from tests.unit.opinions import feedback, vote

VOICE_QUALITY = {"name": "voice_quality", "question": "Is the voice quality acceptable?"}


@asynccontextmanager
async def producing(deployment):
    producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def start(deployment, tmp_path, *stages: dict, **conditions: object) -> None:
    deployment.environment |= {"ROLLOUT_SOURCE": "topic", "ROLLOUT_ROUND_S": "1"}
    path = tmp_path / "listening.yaml"
    path.write_text(yaml.safe_dump({**plan(*stages), **conditions}), encoding="utf-8")
    await rollout(deployment, "start", str(path), "--yes", "--actor", "anna")


def controller(deployment):
    return worker_process(deployment.environment, deployment.folder, "controller", ("rollout", "run"), deployment.start)


async def judged_when(deployment, holds) -> dict:
    """The controller's last report once something holds of it."""

    async def found():
        shown = json.loads(await rollout(deployment, "status", "--json"))["judged"]
        return shown if shown is not None and holds(shown) else None

    return await until(found)


async def report(producer, deployment, job_id: str, user: str) -> None:
    message = feedback(job_id=job_id, user_id=user, feedback_id=f"{user}-{job_id}")
    value = message.model_dump_json(exclude_none=True).encode()
    await producer.send(deployment.topic(FEEDBACK), value, key=user.encode(), headers=feedback_headers(message))


async def test_many_players_reports_turn_chirp_off_and_one_players_flood_does_not(deployment, tmp_path):
    traffic = Traffic(deployment)
    rules = {"at_once": [{"measure": "complaint_rate", "limit": 0.05}]}
    await start(deployment, tmp_path, stage("half", 50, "1h"), roll_back=rules)
    with controller(deployment):
        async with producing(deployment) as producer, beside(traffic.flow()):
            await judged_when(deployment, lambda shown: shown["attempts"] > 300)
            # Even jobs are Chirp's, but for those from before the first revision was read.
            for number in range(2, 202, 2):
                await report(producer, deployment, f"job-{number}", "angry")
            await report(producer, deployment, "no-such-job", "confused")
            flooded = await judged_when(deployment, lambda shown: shown["feedback"].get("same_user", 0) >= 90)
            assert flooded["phase"] == "running"
            assert flooded["feedback"]["unknown"] == 1
            # At most one for each of four characters and of both models.
            assert flooded["feedback"]["counted"] <= 8

            async def players() -> None:
                for number in itertools.count(2, 2):
                    while number > 2 * traffic.chirp.total():
                        await asyncio.sleep(0.05)
                    await report(producer, deployment, f"job-{number}", f"player-{number}")
                    await asyncio.sleep(0.005)

            async with beside(players()):
                off = await revision_of(deployment, lambda each: each.run is not None and each.run.phase == "waiting")
    assert not off.enabled
    assert "complaint_rate" in off.reason
    assert "were complained about" in off.reason


async def cast(producer, deployment, votes) -> None:
    for each in votes:
        value = each.model_dump_json(exclude_none=True).encode()
        await producer.send_and_wait(
            deployment.topic(VOTES), value, key=each.character.encode(), headers=vote_headers(each)
        )


def preferences(shown: dict) -> dict[str, str]:
    return {each["character"]: each["verdict"] for each in shown["judged"] if each["title"] == "preference"}


async def test_votes_pass_one_character_and_fail_another_and_a_question_shows_them(deployment, tmp_path):
    few = stage("few", 10, "1s") | {"characters": ["ghoul", "pip_boy"], "approvals": [VOICE_QUALITY]}
    await start(deployment, tmp_path, few, stage("half", 50, "1h"), gates=[{"measure": "preference"}], roll_back={})
    # Cast before the controller runs, and while it does.
    async with producing(deployment) as producer:
        await cast(producer, deployment, [vote(number, "equal") for number in range(14)])
        with controller(deployment):
            worse = VoiceModel.WAVENET.value
            again = [vote(1, worse, character="ghoul", listener_id="again") for _ in range(50)]
            await cast(producer, deployment, again)
            waiting = await judged_when(deployment, lambda shown: shown["votes"]["repeated"] == 49)
            assert preferences(waiting) == {"pip_boy": "pass", "ghoul": "hold"}
            await cast(producer, deployment, [vote(number, worse, character="ghoul") for number in range(20)])
            failed = await judged_when(deployment, lambda shown: preferences(shown).get("ghoul") == "fail")
            assert failed["stage"] == "few"
            approved = await run(deployment, "rollout", "approve", "voice_quality", "--actor", "anna")
            assert approved.returncode == 0
            assert "100.0% of 14 votes prefer Chirp or hear no difference" in " ".join(approved.stderr.split())
            await rollout(deployment, "exclude", "ghoul", "--actor", "anna")
            promoted = await revision_of(deployment, lambda each: each.run is not None and each.run.stage == "half")
    assert promoted.actor.startswith("controller")
