"""Dead letters of three kinds: listed, filtered, replayed, each once."""

import asyncio
import json
import subprocess
import sys
from collections import Counter

from loadtest.stack.local_stack import worker_environment
from schemas.topics import COMPLETIONS, DEAD_LETTERS
from tests.faults.campaign import report
from tests.faults.scale import SCALE
from tests.stack.deployment import job


async def run(deployment, *arguments: str) -> str:
    """What the command line prints."""
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "worker", *arguments], capture_output=True, text=True, timeout=300,
        env=worker_environment(deployment.environment), check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


async def test_dead_letters_of_one_kind_are_replayed_each_once_and_all_complete(deployment):
    each = SCALE.letters // 3
    kinds = {
        # No such character; no such voice at Google; Google fails for the text until it is mended.
        "bad_input": [job(number, character="nobody") for number in range(each)],
        "invalid": [job(number, voice="en-US-Wavenet-Z") for number in range(each, 2 * each)],
        "transient": [job(number, text=f"A broken line, {number}.") for number in range(2 * each, SCALE.letters)],
    }
    await deployment.set_faults(
        {"kind": "status", "code": "UNAVAILABLE", "text_pattern": "broken line"},
    )
    settings = {"RETRY_DIALOGUE": "none", "LANE_PAUSE_WINDOW": "100000"}
    with deployment.worker("first", **settings):
        await deployment.produce(record for records in kinds.values() for record in records)
        await deployment.dead_letters(SCALE.letters, timeout_s=300)
    listed = json.loads(await run(deployment, "dead-letters", "list", "--json"))
    counted = Counter(letter["class"] for letter in listed)
    filtered = json.loads(await run(deployment, "dead-letters", "list", "--class", "transient", "--json"))
    stats = await run(deployment, "dead-letters", "stats")
    before = await deployment.read(DEAD_LETTERS, 0)
    dry = await run(deployment, "replay", "--class", "transient", "--dry-run")
    assert len(await deployment.read(DEAD_LETTERS, 0)) == len(before)

    await deployment.set_faults()
    await deployment.control("DELETE", "/calls")
    done = await run(deployment, "replay", "--class", "transient")
    again = await run(deployment, "replay", "--class", "transient")
    with deployment.worker("second", **settings):
        records = await deployment.read(COMPLETIONS, SCALE.letters + len(kinds["transient"]), timeout_s=300)
    values = [json.loads(record.value) for record in records]
    ended = Counter(value["job_id"] for value in values if value["status"] == "done")
    calls = (await deployment.calls())["total"]
    report(
        f"7. {SCALE.letters} dead letters of three kinds",
        listed=dict(counted),
        filtered=len(filtered),
        dry_run=dry.strip().splitlines()[-1],
        replay=done.strip().splitlines()[-1],
        replay_again=again.strip().splitlines()[-1],
        done_once=sum(count == 1 for count in ended.values()),
        done_more_than_once=sum(count > 1 for count in ended.values()),
        google_calls=calls,
    )
    assert counted == {kind: len(records) for kind, records in kinds.items()}
    assert all(kind in stats for kind in kinds)
    assert {letter["class"] for letter in filtered} == {"transient"}
    assert ended == Counter(record["job_id"] for record in kinds["transient"])
    assert calls == len(kinds["transient"])
