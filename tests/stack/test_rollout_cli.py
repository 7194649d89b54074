"""The operator changes the rollout by hand, on the local stack."""

import asyncio
import json
import os
import pty
import subprocess
from contextlib import aclosing

from loadtest.stack.local_stack import worker_environment
from schemas.topics import ROLLOUT, ROLLOUT_STATUS
from tests.stack.cli import CLI, run
from tests.stack.console_scene import rounds
from tests.stack.deployment import Deployment, job
from tests.until import HANG_S
from worker.config.settings import load_settings
from worker.lifecycle.clock import Clock
from worker.rollout.controller.status import follow_statuses, last_status, publish_status
from worker.rollout.log.revisions import RevisionLog


def reported(ended: subprocess.CompletedProcess, status: int) -> str:
    assert ended.returncode == status, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr if status else ended.stdout


async def rollout(deployment, *arguments: str, status: int = 0, **options: object) -> str:
    return reported(await run(deployment, "rollout", *arguments, **options), status)


async def fold_of(deployment, records: int) -> RevisionLog:
    fold = RevisionLog()
    for record in await deployment.read(ROLLOUT, records):
        fold.add(record.value)
    return fold


async def on_terminal(deployment, answer: str, *arguments: str) -> tuple[int, str]:
    """Runs a command on a terminal, types an answer, and gives its exit status and what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*CLI, *arguments],
        env={**worker_environment(deployment.environment), "COLUMNS": "200"},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.write(ours, answer.encode())
    shown, _ = await asyncio.to_thread(process.communicate, timeout=HANG_S)
    os.close(ours)
    os.close(theirs)
    return process.returncode, shown


async def test_an_empty_topic_is_seeded_by_the_variables_once(deployment):
    deployment.environment |= {"ROLLOUT_SOURCE": "topic", "CHIRP3_ENABLED": "true", "CHIRP3_ROLLOUT_PERCENTAGE": "5"}
    assert "add --yes" in await rollout(deployment, "seed", status=2)
    assert "--actor" in await rollout(deployment, "seed", "--yes", "--actor", "x" * 1000, status=2)
    made = json.loads(await rollout(deployment, "seed", "--yes", "--actor", "anna", "--json"))
    assert (made["changed"], made["revision"]["revision"], made["revision"]["actor"]) == (True, 1, "anna")
    deployment.environment["CHIRP3_ROLLOUT_PERCENTAGE"] = "50"
    assert "nothing to change; revision 1: 5 % of users" in await rollout(deployment, "seed", "--yes")


async def test_the_rollout_is_changed_read_and_explained_and_history_tells_the_story(deployment):
    deployment.environment["ROLLOUT_SOURCE"] = "topic"
    assert "none yet" in await rollout(deployment, "status")
    assert "--yes" in await rollout(deployment, "set", "--enabled", "--percentage", "100", status=2)
    shown = await rollout(
        deployment, "set", "--enabled", "--percentage", "100", "--characters", "ghoul", "--yes", "--actor", "anna"
    )
    assert "100 % of users get Chirp for ghoul" in shown
    explained = json.loads(await rollout(deployment, "explain", "--character", "ghoul", "--json"))
    assert (explained["reason"], explained["revision"]) == ("in_rollout", 1)
    assert "not among the listed" in await rollout(deployment, "explain", "--character", "pip_boy")

    made = json.loads(await rollout(deployment, "exclude", "ghoul", "--reason", "croaks", "--actor", "bert", "--json"))
    assert made["after"] == "Chirp is off: no user gets it"
    assert "nothing to change" in await rollout(deployment, "off")
    assert "--revision 9" in await rollout(deployment, "set", "--percentage", "1", "--revision", "9", status=2)
    assert "bert made revision 2" in await rollout(
        deployment, "set", "--percentage", "1", "--revision", "1", "--yes", status=1
    )
    history = json.loads(await rollout(deployment, "history", "--json"))
    assert [(each["revision"], each["actor"], each["reason"]) for each in history] == [
        (1, "anna", ""),
        (2, "bert", "croaks"),
    ]
    assert [each["enabled"] for each in history] == [True, False]
    shown = await rollout(deployment, "history", "--limit", "1")
    assert "croaks" in shown
    assert "anna" not in shown
    assert json.loads(await rollout(deployment, "status", "--json"))["revision"]["revision"] == 2


async def test_what_widens_is_shown_and_confirmed_on_a_terminal(deployment):
    deployment.environment["ROLLOUT_SOURCE"] = "topic"
    wanted = ("rollout", "set", "--enabled", "--percentage", "10", "--characters", "all")
    status, shown = await on_terminal(deployment, "n\n", *wanted)
    assert status == 1
    assert "nothing changed" in shown
    assert (await fold_of(deployment, 0)).revision == 0
    status, shown = await on_terminal(deployment, "y\n", *wanted)
    assert status == 0, shown
    assert "Chirp is off: no user gets it" in shown
    assert "10 % of users get Chirp for all 14 characters" in shown
    assert (await fold_of(deployment, 1)).revision == 1


async def test_what_is_asked_for_wrongly_is_told_in_one_line(deployment):
    for arguments in (
        ("set",),
        ("set", "--percentage", "101"),
        ("set", "--characters", "nobody"),
        ("exclude", "nobody"),
        ("include", "nobody", "--yes"),
        ("set", "--enabled", "--actor", "a\x07b"),
        ("set", "--enabled", "--reason", "x" * 1001),
    ):
        ended = await run(deployment, "rollout", *arguments)
        assert ended.returncode == 2, ended.stderr
        lines = [line for line in ended.stderr.splitlines() if "ROLLOUT_SOURCE is env here" not in line]
        assert len(lines) == 1, ended.stderr


async def test_an_answer_that_cannot_be_written_is_told_in_one_line(deployment):
    deployment.environment["ROLLOUT_SOURCE"] = "topic"
    await rollout(deployment, "start", "staging", "--yes")
    for arguments, field in (
        (("approve", ""), "QUESTION"),
        (("approve", "stable", "--reason", "x" * 1001), "--reason"),
        (("reject", "stable", "--actor", "a" * 200), "--actor"),
    ):
        (line,) = (await rollout(deployment, *arguments, status=2)).splitlines()
        assert line.startswith(f"chirp-worker: {field}: "), line


async def test_an_empty_list_turns_chirp_off_where_the_variables_would_have_widened_it_to_all(deployment):
    deployment.environment["ROLLOUT_SOURCE"] = "topic"
    await rollout(deployment, "set", "--enabled", "--percentage", "100", "--characters", "pip_boy", "--yes")
    assert "Chirp is off" in await rollout(deployment, "set", "--characters", "")
    assert "nothing to change" in await rollout(deployment, "set", "--enabled", "--yes")
    with deployment.worker():
        await deployment.produce([job(1)])
        (completion,) = await deployment.completions(1)
    assert (completion.decision.reason, completion.decision.revision) == ("disabled", 2)


async def test_the_controllers_round_is_read_however_many_partitions_its_topic_was_made_with(stack, tmp_path):
    deployment = Deployment(stack, tmp_path)
    await deployment.create_topic(ROLLOUT_STATUS, 3)
    kafka = load_settings(deployment.environment).kafka
    (status,) = rounds(1)[:1]
    await publish_status(kafka, status)
    assert await last_status(kafka) == status
    async with aclosing(follow_statuses(kafka, Clock())) as followed, asyncio.timeout(60):
        async for read in followed:
            if read:
                assert read == [status]
                break
