"""Kafka's authorizer on: each role does its whole work with the rights that `acl` prints, and nothing of another's."""

import asyncio
import itertools
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import pytest
import yaml
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from loadtest.stack.local_stack import local_stack, worker_process
from loadtest.stack.ports import free_ports
from schemas.completion import Completion
from schemas.enums import Lane
from schemas.topics import (
    BATCH_RUNS,
    CANCELLATIONS,
    COMPLETIONS,
    DEAD_LETTERS,
    FEEDBACK,
    LANES,
    PAIRS,
    ROLLOUT,
    ROLLOUT_STATUS,
    VERDICTS,
    VOTES,
)
from tests.kafka.authorizer import PASSWORD, GuardedCluster, create_acls, parse_acls
from tests.kafka.conftest import OUTSIDE, apache_kafka
from tests.kafka.raw_operations import (
    CLUSTER_OPERATIONS,
    GROUP_OPERATIONS,
    TOPIC_OPERATIONS,
    TRANSACTION_OPERATIONS,
    is_allowed,
)
from tests.kafka.test_controller import beside, revision_of
from tests.stack.cli import call, start_fork
from tests.stack.deployment import CANNED, Deployment, job
from worker.kafka.acl.model import Role

REPLIES = "replies"
READERS = "quests"
ROLES = [role.value for role in Role]
TOPICS = {
    "dialogue": LANES[Lane.DIALOGUE],
    "batch": LANES[Lane.BATCH],
    "retry, dialogue": "tts.retry.dialogue.1s",
    "retry, batch": "tts.retry.batch.1s",
    "completions": COMPLETIONS,
    "replies": f"tts.{REPLIES}",
    "dead letters": DEAD_LETTERS,
    "rollout": ROLLOUT,
    "rollout's status": ROLLOUT_STATUS,
    "feedback": FEEDBACK,
    "votes": VOTES,
    "cancellations": CANCELLATIONS,
    "pairs": PAIRS,
    "batch runs": BATCH_RUNS,
    "verdicts": VERDICTS,
    "another's": "tts-of-another.rollout",
}
LETTERS = {"R": "Read", "W": "Write", "D": "Describe", "C": "Create", "c": "DescribeConfigs"}
# Written by hand, not computed from the table that it is held against. Read and Write imply Describe.
MAY_ON_TOPICS = """
                  worker  controller  operator  game-server  studio  console
dialogue          R       -           RWCc      W            -       RW
batch             R       -           RWCc      -            RW      RW
retry, dialogue   RW      R           DCc       -            -       R
retry, batch      RW      R           DCc       -            D       R
completions       W       R           RCc       R            R       R
replies           W       -           DCc       R            -       -
dead letters      W       -           RWCc      -            -       RW
rollout           R       RW          RWCc      -            R       RW
rollout's status  D       W           RCc       -            -       R
feedback          D       R           DCc       W            -       RW
votes             D       R           RCc       -            R       RW
pairs             D       -           RWCc      -            W       RW
cancellations     R       -           WCc       W            W       RW
batch runs        D       -           DCc       -            W       R
verdicts          D       -           DCc       -            R       RW
another's         -       -           -         -            -       -
"""


class Guarded:
    """A deployment on the guarded cluster, whose roles have the rights that `acl` prints for it."""

    def __init__(self, deployment: Deployment, bootstrap: str) -> None:
        self.deployment = deployment
        self._bootstrap = bootstrap

    def login(self, user: str) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self._bootstrap,
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_SASL_USERNAME": user,
            "KAFKA_SASL_PASSWORD": PASSWORD,
        }

    def client(self, user: str) -> dict[str, str]:
        """The options of aiokafka's own clients."""
        return {
            "bootstrap_servers": self._bootstrap,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": user,
            "sasl_plain_password": PASSWORD,
        }

    async def ended(self, user: str, *arguments: str, **settings: str):
        environment = {**self.deployment.environment, **self.login(user), **settings}
        return await asyncio.to_thread(call, environment, *arguments)

    async def run(self, user: str, *arguments: str) -> str:
        """What a command prints that must succeed."""
        ended = await self.ended(user, *arguments)
        assert ended.returncode == 0, (user, arguments, ended.stdout, ended.stderr)
        return ended.stdout

    @contextmanager
    def process(self, user: str, *command: str, **settings: str):
        """Runs a worker or a controller, which must meet no refusal, also none that it survives."""
        environment = {**self.deployment.environment, **self.login(user), **settings}
        with worker_process(environment, self.deployment.folder, user, command, start_fork) as (process, _):
            yield
        logged = process.log.read_text()
        assert "AuthorizationFailed" not in logged
        assert "this login lacks" not in logged

    async def grant(self, role: str, user: str, **settings: str) -> None:
        """Gives a user what the command prints for a role, by these very lines."""
        reader = ("--reader-group", self.group(READERS)) if role in {"game-server", "studio"} else ()
        environment = {**self.deployment.environment, **settings}
        ended = await asyncio.to_thread(
            call, environment, "acl", "--role", role, "--principal", f"User:{user}", *reader
        )
        assert ended.returncode == 0, ended.stderr
        async with super_user(self.deployment) as admin:
            await create_acls(admin, parse_acls(ended.stdout))

    async def create_topics(self) -> None:
        """By an operator. Returns once the broker lists them, which it does a little later."""
        created = json.loads(await self.run("operator", "topics", "create", "--json"))
        async with super_user(self.deployment) as admin, asyncio.timeout(180):
            while not {each["topic"] for each in created} <= set(await admin.list_topics()):
                await asyncio.sleep(0.05)

    def group(self, name: str) -> str:
        return f"{self.deployment.name}-{name}"


@asynccontextmanager
async def super_user(deployment: Deployment) -> AsyncIterator[AIOKafkaAdminClient]:
    async with opened(AIOKafkaAdminClient(bootstrap_servers=deployment.stack.kafka)) as admin:
        yield admin


@asynccontextmanager
async def opened(client):
    await client.start()
    try:
        yield client
    finally:
        await (client.close if isinstance(client, AIOKafkaAdminClient) else client.stop)()


@pytest.fixture(scope="module")
def guarded_cluster(tmp_path_factory):
    if os.environ.get(OUTSIDE):
        pytest.skip(f"{OUTSIDE} names a cluster whose authorizer is not ours")
    users = [*ROLES, "at-least-once", "newcomer", "nobody"]
    with apache_kafka(tmp_path_factory.mktemp("guarded"), users, kind=GuardedCluster) as own:
        yield own


@pytest.fixture(scope="module")
def guarded_stack(guarded_cluster):
    with local_stack("external", CANNED, kafka=guarded_cluster.bootstrap) as running:
        yield running


@pytest.fixture
async def guarded(guarded_cluster, guarded_stack, tmp_path):
    deployment = Deployment(guarded_stack, tmp_path, start_fork)
    await deployment.reset_emulator()
    deployment.environment |= {
        "ROLLOUT_SOURCE": "topic",
        "ROLLOUT_ROUND_S": "1",
        "DELIVERY": "exactly-once",
        "KAFKA_GROUP_INSTANCE_ID": "one",
        "REPLY_TOPICS": deployment.topic(f"tts.{REPLIES}"),
        "RETRY_DIALOGUE": "1s",
        "RETRY_BATCH": "1s",
    }
    mine = Guarded(deployment, guarded_cluster.guarded_bootstrap)
    await asyncio.gather(*(mine.grant(role, role) for role in ROLES))
    return mine


async def test_every_role_may_do_what_its_table_says_and_nothing_else(guarded):
    deployment = guarded.deployment
    await guarded.create_topics()
    await deployment.create_topic(TOPICS["another's"].removeprefix("tts"), 1)
    expected = expected_rights(guarded)
    found = {}
    counts = {role: Counter() for role in ROLES}
    for role in ROLES:
        async with opened(AIOKafkaAdminClient(**guarded.client(role))) as admin:
            for operations, names in resources(guarded):
                for operation, attempt in operations.items():
                    for name in names:
                        found[role, operation, name] = allowed = await is_allowed(admin, attempt, name)
                        counts[role]["allowed" if allowed else "denied"] += 1
    for role, count in counts.items():
        print(f"{role:12} {count['allowed']:4} allowed {count['denied']:4} denied")
    total = sum(counts.values(), Counter())
    print(f"{'all roles':12} {total['allowed']:4} allowed {total['denied']:4} denied of {total.total()}")
    assert {tried for tried, allowed in found.items() if allowed} == expected


def resources(guarded):
    deployment = guarded.deployment
    return [
        (TOPIC_OPERATIONS, [deployment.topic(name) for name in TOPICS.values()]),
        (GROUP_OPERATIONS, [deployment.name, guarded.group("rollout"), guarded.group(READERS), "another's"]),
        (TRANSACTION_OPERATIONS, [guarded.group("worker-one"), guarded.group("replay"), "another's"]),
        (CLUSTER_OPERATIONS, ["kafka-cluster"]),
    ]


def expected_rights(guarded) -> set[tuple[str, str, str]]:
    """Role, operation and name of all that is allowed."""
    deployment = guarded.deployment
    heads, *rows = MAY_ON_TOPICS.strip("\n").splitlines()
    roles = heads.split()
    allowed = set()
    for row in rows:
        cells = row.split()
        topic = " ".join(cells[: -len(roles)])
        for role, letters in zip(roles, cells[-len(roles) :], strict=True):
            operations = {LETTERS[letter] for letter in letters.strip("-")}
            operations |= {"Describe"} if operations & {"Read", "Write"} else set()
            allowed |= {(role, operation, deployment.topic(TOPICS[topic])) for operation in operations}
    groups = {("worker", deployment.name), ("controller", guarded.group("rollout"))}
    groups |= {(role, guarded.group(READERS)) for role in ("game-server", "studio")}
    allowed |= {(role, operation, group) for role, group in groups for operation in ("Describe", "Read")}
    allowed |= {(role, "Describe", deployment.name) for role in ("studio", "console")}
    writers = {("worker", "worker-one"), ("operator", "replay"), ("console", "replay")}
    allowed |= {(role, operation, guarded.group(name)) for role, name in writers for operation in ("Describe", "Write")}
    return allowed


async def test_who_lacks_a_right_reads_which_one_and_on_what(guarded):
    deployment = guarded.deployment
    await guarded.create_topics()
    rollout, dialogue = deployment.topic(ROLLOUT), deployment.topic(LANES[Lane.DIALOGUE])
    seeds = f"the rollout's topic is empty, and this login lacks a right on {rollout} to write it, as a worker should"
    sees = "this login lacks the right Describe (which Read and Write imply) on"
    for user, command, message in (
        ("worker", ("run",), f"{seeds}: make its first revision by `chirp-worker rollout seed`"),
        ("game-server", ("rollout", "status"), f"{sees} {rollout}"),
        ("game-server", ("run",), f"{sees} {deployment.topic(LANES[Lane.BATCH])}, "),
        (
            "newcomer",
            ("enqueue", "Hello."),
            "this login lacks the right Write on any topic",
        ),
        ("studio", ("enqueue", "Hello."), f"this login lacks a right on {dialogue}"),
        (
            "console",
            ("topics", "create"),
            f"this login lacks the right Create on {deployment.topic(TOPICS['replies'])}",
        ),
    ):
        ended = await guarded.ended(user, *command)
        last = ended.stderr.splitlines()[-1]
        assert (ended.returncode, message in last) == (1, True), (user, command, ended.stderr)


async def test_doctor_names_each_missing_right_and_what_it_is_on(guarded):
    deployment = guarded.deployment
    await guarded.create_topics()
    for role in ROLES:
        assert f"ok    Rights of a {role} in Kafka: this login has all" in await guarded.run(
            role, "doctor", "--role", role
        )
    ended = await guarded.ended("console", "doctor", "--role", "worker")
    assert ended.returncode == 1
    (line,) = [each for each in ended.stdout.splitlines() if "Rights of a worker" in each]
    assert line.startswith("FAIL")
    for lacking in (
        f"Write on {deployment.topic(COMPLETIONS)}",
        f"Write on {deployment.topic(TOPICS['retry, batch'])}",
        f"Read on the group {deployment.name}",
        f"Write on the transactional id {guarded.group('worker-')}",
    ):
        assert lacking in line
    assert f"on {deployment.topic(ROLLOUT)}," not in line


async def speak_by_http(guarded: Guarded) -> None:
    (port,) = free_ports(1)
    with guarded.process("console", "serve", HTTP_API_PORT=str(port)):
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            for lane in Lane:
                line = {"character": "pip_boy", "text": f"By HTTP, in the lane {lane}."}
                async with client.post(f"/v1/lines?lane={lane}&wait=60s", json=line) as answer:
                    assert answer.status == 200, await answer.text()


async def test_each_role_does_its_whole_work_with_its_rights(guarded, tmp_path):
    operator = "operator"
    await guarded.create_topics()
    assert "as in the table" in await guarded.run(operator, "topics", "create")
    await guarded.run(operator, "rollout", "seed", "--yes")
    assert "revision 1" in await guarded.run(operator, "rollout", "seed", "--yes")
    with guarded.process("worker", "run"):
        await play(guarded, tmp_path)
        await replay_and_redo(guarded)
        await speak_a_script(guarded, tmp_path)
        await speak_by_http(guarded)
    await guarded.grant("worker", "at-least-once", DELIVERY="at-least-once")
    with guarded.process("at-least-once", "run", DELIVERY="at-least-once"):
        await guarded.run("game-server", "enqueue", "Once more.", "--wait")
        await run_a_plan(guarded, tmp_path)
    await guarded.run("console", "rollout", "status")
    await guarded.run("console", "dead-letters", "list")


async def play(guarded, tmp_path) -> None:
    """A game server: lines and their completions, in the topic of all, in a group and in its own reply topic."""
    reply = guarded.deployment.environment["REPLY_TOPICS"]
    done = json.loads(await guarded.run("game-server", "enqueue", "Hello there.", "--job-id", "hello", "--wait"))
    assert done["status"] == "done"
    asked = tmp_path / "job.json"
    asked.write_text(json.dumps(job(7, reply_topic=reply)))
    await guarded.run("game-server", "enqueue", "--job", str(asked))
    for topics, options in (
        ([guarded.deployment.topic(COMPLETIONS)], {"group_id": guarded.group(READERS)}),
        ([reply], {}),
    ):
        consumer = AIOKafkaConsumer(
            *topics, auto_offset_reset="earliest", isolation_level="read_committed",
            **guarded.client("game-server"), **options,
        )  # fmt: skip
        async with opened(consumer) as reader, asyncio.timeout(180):
            async for record in reader:
                if Completion.model_validate_json(record.value).job_id == "job-7":
                    break
            if options:
                await reader.commit()


async def replay_and_redo(guarded) -> None:
    """An operator: dead letters, their replay, a new take."""
    deployment, operator = guarded.deployment, "operator"
    await deployment.set_faults({"kind": "status", "code": "UNAVAILABLE", "text_pattern": "croaks"})
    failed = await guarded.ended("game-server", "enqueue", "It croaks.", "--job-id", "croak", "--wait")
    assert json.loads(failed.stdout)["status"] == "failed", failed.stderr
    await deployment.set_faults()
    assert len(json.loads(await guarded.run(operator, "dead-letters", "list", "--json"))) == 1
    await guarded.run(operator, "dead-letters", "stats")
    assert "replayed 1" in await guarded.run(operator, "replay", "--all")
    assert json.loads(await guarded.run(operator, "takes", "redo", "hello", "--json"))["take"] == 2
    await guarded.run(operator, "takes", "check", "--json")


async def speak_a_script(guarded, tmp_path) -> None:
    """A studio: a batch, a new take of one of its lines; the players' lines are not its own."""
    script = tmp_path / "script.jsonl"
    texts = ("The first lantern is lit.", "The second one is not.", "Nobody saw the third.")
    lines = [{"job_id": f"line-{number}", "character": "ghoul", "text": text} for number, text in enumerate(texts)]
    script.write_text("".join(json.dumps(line) + "\n" for line in lines))
    spoken = json.loads(await guarded.run("studio", "batch", str(script), "--yes", "--json"))
    assert spoken["result"]["done"] == 3
    completions = await guarded.deployment.completions(3)
    rejected = next(each.job_id for each in completions if each.lane is Lane.BATCH)
    assert json.loads(await guarded.run("studio", "takes", "redo", rejected, "--json"))["take"] == 2
    of_a_player = await guarded.ended("studio", "takes", "redo", "hello")
    assert of_a_player.returncode == 1
    assert f"this login may not read {guarded.deployment.topic(LANES[Lane.DIALOGUE])}" in of_a_player.stderr


async def players(deployment: Deployment) -> None:
    """Lines of more and more players: a stage counts those that came in its windows."""
    for first in itertools.count(step=5):
        await deployment.produce(job(number, user_id=f"player-{number}") for number in range(first, first + 5))
        await asyncio.sleep(0.5)


async def run_a_plan(guarded, tmp_path) -> None:
    """Operator and controller: a plan is started and approved, and the controller promotes it by what workers did."""
    plan = {
        "version": 1,
        "name": "rights",
        "windows": {"resolution": "1s", "short": "5s", "long": "20s", "settle": "1s"},
        "min_sample": 1,
        "limits": {"chirp_requests_a_minute": 1_000_000},
        "gates": [{"measure": "error_rate", "limit": 0.5}],
        "roll_back": {"at_once": [{"measure": "error_rate", "limit": 0.9}]},
        "stages": [
            {
                "name": name,
                "percentage": percentage,
                "characters": ["pip_boy"],
                "at_least": "1s",
                "tell": ["team"],
                "approvals": [{"name": "sound", "question": "Does it sound well?"}],
            }
            for name, percentage in (("half", 50), ("all", 100))
        ],
    }
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(plan))
    await guarded.run("operator", "rollout", "start", str(path), "--yes")
    with guarded.process("controller", "rollout", "run"):
        await guarded.run("operator", "rollout", "approve", "sound")
        async with beside(players(guarded.deployment)):
            try:
                promoted = await revision_of(
                    guarded.deployment, lambda each: each.run is not None and each.run.stage == "all", timeout_s=180
                )
            except TimeoutError:
                pytest.fail(await guarded.run("operator", "rollout", "status", "--all"))
        assert promoted.actor.startswith("controller")
        shown = json.loads(await guarded.run("operator", "rollout", "status", "--json"))
        # What the controller publishes beside its revisions.
        assert shown["judged"]["phase"] == "running"
    await guarded.run("operator", "rollout", "rollback")
    await guarded.run("operator", "rollout", "set", "--percentage", "1", "--yes")
