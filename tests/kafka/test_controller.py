"""The rollout's controller on Apache Kafka: it runs a plan, one leads, and whoever is killed leaves one history."""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from signal import Signals

import aiohttp
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from prometheus_client import CollectorRegistry

from loadtest.stack.counters import scrape
from loadtest.stack.local_stack import worker_process
from schemas.completion import Attempt, Completion
from schemas.enums import AttemptResult, DecisionReason, FailureClass, JobStatus, Lane, VoiceModel
from schemas.rollout_status import RolloutStatus
from schemas.topics import COMPLETIONS, RETRY_DELAYS, ROLLOUT, ROLLOUT_STATUS
from tests.kafka.test_rollout import rollout
from tests.stack.cli import run
from tests.until import HANG_S, until
from worker.config.settings import load_settings
from worker.lifecycle.clock import Clock
from worker.rollout.controller.attempts_reader import read_attempts
from worker.rollout.controller.controller import Controller
from worker.rollout.controller.controller_parts import ControllerParts
from worker.rollout.controller.leader_election import LeaderElection
from worker.rollout.controller.metrics import RolloutMetrics
from worker.rollout.controller.prometheus import PrometheusClient
from worker.rollout.controller.webhooks import RevisionHistory
from worker.rollout.log.codec import current_state
from worker.rollout.log.reader import open_log
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.log.writer import RevisionWriter
from worker.speech.catalogue_file import load_catalogue

CHARACTERS = ("pip_boy", "ghoul", "raider", "codsworth")
JOBS_A_SECOND = 100


def plan(*stages: dict) -> dict:
    """Seconds instead of days; an error rate over 10 % turns Chirp off."""
    return {
        "version": 1,
        "name": "rehearsal",
        "windows": {"resolution": "1s", "short": "5s", "long": "20s", "settle": "2s"},
        "min_sample": 20,
        "limits": {"chirp_requests_a_minute": 1_000_000},
        "gates": [{"measure": "error_rate", "limit": 0.08}],
        "roll_back": {"at_once": [{"measure": "error_rate", "limit": 0.10}]},
        "stages": list(stages),
    }


def stage(name: str, percentage: int, at_least: str) -> dict:
    return {
        "name": name,
        "percentage": percentage,
        "characters": sorted(CHARACTERS),
        "at_least": at_least,
        "tell": ["team"],
    }


class Traffic:
    """Publishes completions as a worker does that follows the rollout; each tenth twice."""

    def __init__(self, deployment) -> None:
        self._deployment = deployment
        self.error_share = 0.0
        self.chirp: Counter[int] = Counter()
        """Chirp's attempts by the revision that decided them."""

    async def flow(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._deployment.stack.kafka)
        await producer.start()
        topic = self._deployment.topic(COMPLETIONS)
        number = 0
        try:
            async with open_log(load_settings(self._deployment.environment).kafka, Clock()) as log:
                while True:
                    await log.poll(0)
                    state = current_state(log.revisions)
                    for _ in range(JOBS_A_SECOND // 10):
                        number += 1
                        completion = self._completion(number, state)
                        value = completion.model_dump_json().encode()
                        for _ in range(1 + (number % 10 == 0)):
                            await producer.send(topic, value)
                        # Now: a cancelled send has sent nothing.
                        self.chirp[state.revision] += completion.attempts[0].voice_model is VoiceModel.CHIRP3_HD
                    await asyncio.sleep(0.1)
        finally:
            await producer.stop()

    def _completion(self, number: int, state) -> Completion:
        on = state.enabled and state.percentage > 0
        chirp = on and number % 2 == 0
        reason = DecisionReason.IN_ROLLOUT if chirp else DecisionReason.OUTSIDE if on else DecisionReason.DISABLED
        model = VoiceModel.CHIRP3_HD if chirp else VoiceModel.WAVENET
        failed = chirp and number % 100 < 100 * self.error_share
        attempt = Attempt(
            id=f"attempt-{number}",
            voice_model=model,
            voice="en-US-a-voice",
            result=AttemptResult.ERROR if failed else AttemptResult.SUCCESS,
            failure_class=FailureClass.TRANSIENT if failed else None,
            code="INTERNAL" if failed else "OK",
            calls=1,
            seconds=0.3,
            billed_characters=40,
            ended_at=datetime.now(UTC),
            decided=model,
            reason=reason,
            revision=state.revision,
        )
        return Completion(
            job_id=f"job-{number}",
            status=JobStatus.FAILED if failed else JobStatus.DONE,
            lane=Lane.DIALOGUE,
            character=CHARACTERS[number // 2 % len(CHARACTERS)],
            language="en-US",
            text_characters=40,
            attempts=(attempt,),
        )


@asynccontextmanager
async def beside(*coroutines):
    """Runs them until the context ends; what goes wrong in one ends the test."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in coroutines]
        yield
        for task in tasks:
            task.cancel()


async def start(deployment, tmp_path, *stages: dict) -> None:
    deployment.environment |= {"ROLLOUT_SOURCE": "topic", "ROLLOUT_ROUND_S": "1"}
    path = tmp_path / "rehearsal.yaml"
    path.write_text(yaml.safe_dump(plan(*stages)), encoding="utf-8")
    await rollout(deployment, "start", str(path), "--yes", "--actor", "anna")


async def whole_history(deployment) -> RevisionLog:
    async with open_log(load_settings(deployment.environment).kafka, Clock()) as log:
        await log.read_to_end()
        return log.revisions


async def revision_of(deployment, wanted, timeout_s: float = 180.0):
    """The first revision that is looked for, once it is there."""

    async def found():
        return next((each for each in (await whole_history(deployment)).accepted if wanted(each)), None)

    return await until(found, timeout_s)


async def leader_of(addresses: dict[str, str]) -> str:
    async def found():
        leaders = [name for name, address in addresses.items() if (await scrape(address)).total("tts_rollout_leads")]
        return leaders[0] if len(leaders) == 1 else None

    return await until(found)


def one_history(fold: RevisionLog) -> None:
    """No revision twice, no gap, and each record that lost knows by whom."""
    assert [each.revision for each in fold.accepted] == list(range(1, len(fold.accepted) + 1))
    assert len({each.id for each in fold.accepted}) == len(fold.accepted)
    assert all(lost.winner is not None for lost in fold.superseded)


async def write_by_hand(deployment) -> None:
    """A person at the command line, all the time. What widens may lose against a controller: then once more."""
    for _ in range(500):
        await rollout(deployment, "exclude", "raider", "--actor", "bert")
        while (ended := await run(deployment, "rollout", "include", "raider", "--yes", "--actor", "bert")).returncode:
            assert "nothing changed: controller" in ended.stderr


async def test_two_that_lead_at_once_and_a_person_make_one_history(deployment, tmp_path):
    stages = [stage(f"{number}", 20 * number, "3s") for number in range(1, 6)]
    traffic = Traffic(deployment)
    await start(deployment, tmp_path, *stages)
    both = asyncio.Barrier(2)
    async with aiohttp.ClientSession() as session:
        controllers = [one_that_leads(deployment, session, f"controller {name}", both) for name in "ab"]
        by_hand = asyncio.create_task(write_by_hand(deployment))
        async with beside(traffic.flow(), *(each.run() for each in controllers)):
            await revision_of(deployment, lambda each: each.run is not None and each.run.phase == "done")
        by_hand.cancel()
        with suppress(asyncio.CancelledError):
            await by_hand
    fold = await whole_history(deployment)
    one_history(fold)
    entered = [each.run.stage for each in fold.accepted if each.run and each.run.stage_revision == each.revision]
    assert entered == ["1", "2", "3", "4", "5"]
    by_actor = Counter(each.actor for each in fold.accepted)
    assert by_actor["controller a"] + by_actor["controller b"] == len(stages)
    assert by_actor["bert"] > 0
    assert {lost.revision.actor for lost in fold.superseded} & {"controller a", "controller b"}
    print(f"{dict(by_actor)}; {len(fold.superseded)} records lost against others")


def one_that_leads(deployment, session, name: str, both: asyncio.Barrier) -> Controller:
    """A controller that is sure to lead; it writes when the other does, if that comes within five seconds."""
    settings = load_settings(deployment.environment)
    kafka, clock = settings.kafka, Clock()

    class AtOnce(RevisionWriter):
        async def write(self, *arguments):
            with suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await both.wait()
            return await super().write(*arguments)

    async def report(_: RolloutStatus) -> None:
        pass

    return Controller(
        ControllerParts(
            open_log=partial(open_log, kafka, clock),
            open_attempts=lambda since, observers: read_attempts(kafka, RETRY_DELAYS, since, observers, clock),
            create_writer=lambda log: AtOnce(log, kafka, clock),
            is_leader=lambda: True,
            prometheus=PrometheusClient(session, None, 1.0),
            report=report,
            history=RevisionHistory(),
            metrics=RolloutMetrics(CollectorRegistry()),
            catalogue=load_catalogue(settings.worker.characters_file).names,
            clock=clock,
            actor=name,
            round_s=1.0,
        )
    )


@asynccontextmanager
async def webhook(unanswered: str, answer: asyncio.Event):
    """A receiver's address, and its messages, each with its id; the one with a text is answered after the event."""
    told: list[tuple[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        text = (await request.json())["text"]
        told.append((request.headers["webhook-id"], text))
        if unanswered in text:
            await answer.wait()
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/", take)])
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("/")), told
    finally:
        answer.set()
        await server.close()


async def readings_of(address: str) -> dict:
    """What a controller counted over the whole stage, gate by gate."""
    samples = (await scrape(address)).samples.items()
    return {series: value for series, value in samples if {("use", "gate"), ("window", "stage")} <= set(series[1])}


async def test_a_leader_that_is_killed_is_replaced_by_one_that_has_counted_the_same(deployment, tmp_path):
    traffic = Traffic(deployment)
    killed = asyncio.Event()
    async with AsyncExitStack() as stack:
        address_of_hook, told = await stack.enter_async_context(webhook("stage half begins", killed))
        deployment.environment |= {
            "ROLLOUT_SOURCE": "topic",
            "ROLLOUT_ROUND_S": "1",
            "ROLLOUT_WEBHOOKS": f"team={address_of_hook}",
        }

        def controller(name: str):
            return stack.enter_context(
                worker_process(deployment.environment, deployment.folder, name, ("rollout", "run"), deployment.start)
            )

        running = {name: controller(name) for name in "ab"}
        addresses = {name: address for name, (_, address) in running.items()}
        await leader_of(addresses)
        await start(deployment, tmp_path, stage("few", 10, "5s"), stage("half", 50, "1h"))
        by_hand = asyncio.create_task(write_by_hand(deployment))
        async with beside(traffic.flow()):
            begun = await revision_of(deployment, lambda each: each.run is not None and each.run.stage == "half")
            await until(lambda: those_of(told, "stage half begins"))
            # Since the first look the other one may have joined the group and got the partition.
            leader = await leader_of(addresses)
            running[leader][0].kill()
            killed.set()
            other = next(name for name in running if name != leader)
            await asyncio.sleep(3)
            traffic.error_share = 0.5
            off = await revision_of(deployment, lambda each: each.run is not None and each.run.phase == "waiting")
        by_hand.cancel()
        with suppress(asyncio.CancelledError):
            await by_hand
        assert not off.enabled
        assert await leader_of({other: addresses[other]}) == other

        sent = sum(count for revision, count in traffic.chirp.items() if revision >= begun.revision)

        async def all_counted():
            read = await readings_of(addresses[other])
            return read if sent in read.values() else None

        never_stopped = await until(all_counted)
        _, fresh = controller("c")

        async def same():
            return await readings_of(fresh) == never_stopped

        assert await until(same)
        assert len(never_stopped) >= 3
        fold = await whole_history(deployment)
        one_history(fold)
        await until(lambda: those_of(told, "CHIRP IS OFF"))
        shown = json.loads(await rollout(deployment, "status", "--json"))
        print(await rollout(deployment, "status"))
        processes = {name: process for name, (process, _) in running.items()}
        processes[other].signal(Signals.SIGTERM)
        assert await asyncio.to_thread(processes[other].wait, HANG_S) == 0
    # The leader was killed in its request: the next one sends that message again, and its id shows the repeat.
    assert len(await those_of(told, "stage half begins")) > 1
    assert [text.splitlines()[0].split(": ", 1)[1].split(".")[0] for _, text in dict.fromkeys(told)] == [
        "starts with stage few",
        "stage half begins",
        "waits for a person in stage half, CHIRP IS OFF",
    ]
    assert shown["judged"]["stage"] == "half"
    assert shown["judged"]["phase"] == "waiting"
    assert [each.run.stage for each in fold.accepted if each.run and each.run.stage_revision == each.revision] == [
        "few",
        "half",
    ]
    print(f"{len(fold.accepted)} revisions, {len(fold.superseded)} lost; {sent} attempts in the stage, counted by both")


async def test_a_dry_run_says_what_it_would_do_and_writes_nothing(deployment, tmp_path):
    await start(deployment, tmp_path, stage("few", 10, "3s"), stage("half", 50, "1h"))
    command = ("rollout", "run", "--dry-run")
    with worker_process(deployment.environment, deployment.folder, "dry", command, deployment.start) as (
        process,
        address,
    ):
        async with beside(Traffic(deployment).flow()):

            async def says():
                return "rollout_would_change" in process.log_end(200)

            await until(says)
        logged = process.log_end(200)
        assert (await scrape(address)).total("tts_rollout_leads") == 0
    assert '"kind": "promoted"' in logged
    assert '"event": "rollout_round"' in logged
    assert (await whole_history(deployment)).revision == 1
    assert (await deployment.read(ROLLOUT_STATUS, 0, quiet_s=2.0)) == []
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.stack.kafka)
    await admin.start()
    try:
        assert f"{deployment.name}-rollout" not in {group for group, *_ in await admin.list_consumer_groups()}
    finally:
        await admin.close()


async def test_what_is_written_while_nobody_leads_is_told_by_the_next_leader_and_once(deployment):
    kafka = load_settings(deployment.environment).kafka
    partition = TopicPartition(deployment.topic(ROLLOUT), 0)
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.stack.kafka)
    handled: list[tuple[str, int]] = []

    class Handler:
        """Has something left of each record until the next one."""

        note = ""

        def __init__(self, name: str) -> None:
            self.name = name

        def begin(self, committed: int, note: str) -> int:
            assert note == ("" if self.name in {"first", "second"} else "left of 1")
            return committed

        async def handle_record(self, offset: int, _: bytes | None) -> None:
            handled.append((self.name, offset))
            self.note = f"left of {offset}"

        async def stop(self) -> None:
            pass

    @asynccontextmanager
    async def leading(name: str, upto: int):
        async def committed():
            try:
                told = await admin.list_consumer_group_offsets(f"{deployment.name}-rollout")
            except GroupCoordinatorNotAvailableError:
                # The cluster's first group: its topic of offsets is being made.
                return False
            return partition in told and told[partition].offset == upto

        one = LeaderElection(kafka, Handler(name))
        async with beside(one.run()):
            yield
            await until(committed)
        assert not one.is_leader

    await rollout(deployment, "set", "--percentage", "1", "--yes")
    await admin.start()
    try:
        # The first one of all begins at the end.
        async with leading("first", 1):
            pass
        await rollout(deployment, "set", "--percentage", "2", "--yes")
        async with leading("second", 2):
            pass
        async with leading("third", 3):
            await rollout(deployment, "set", "--percentage", "3", "--yes")
    finally:
        await admin.close()
    assert handled == [("second", 1), ("third", 2)]


async def those_of(told: list[tuple[str, str]], text: str) -> list[tuple[str, str]]:
    return [each for each in told if text in each[1]]
