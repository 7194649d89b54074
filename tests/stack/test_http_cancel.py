"""Lines cancelled over HTTP and by the command, by curl and by docs/http.md's own lines, on the local stack."""

import asyncio
import json
import os
import re
from pathlib import Path

from loadtest.stack.counters import scrape
from schemas.enums import JobStatus, Lane
from schemas.message_parsing import parse_feedback
from schemas.topics import FEEDBACK
from tests.stack.cli import run
from tests.stack.deployment import job, program
from tests.until import until

PAGE = Path(__file__).parents[2] / "docs" / "http.md"


async def curl(*arguments: str) -> tuple[int, dict]:
    """The status and the document of an answer."""
    started = await asyncio.create_subprocess_exec(
        program("curl"), "-s", "-w", "\n%{http_code}", *arguments, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await started.communicate()
    assert started.returncode == 0, arguments
    body, _, status = printed.decode().rpartition("\n")
    return int(status), json.loads(body)


def line(job_id: str) -> tuple[str, ...]:
    text = json.dumps({**job(0), "job_id": job_id, "text": f"Line {job_id}."})
    return ("-H", "Content-Type: application/json", "-d", text)


async def test_curl_alone_enqueues_cancels_waits_and_downloads_and_only_what_is_wanted_is_paid(deployment):
    with deployment.http_api() as (_, api):
        # No worker runs yet: they are cancelled before it starts, one of them by the command.
        for name in ("wanted", "unwanted", "commanded"):
            assert (await curl(f"{api}/v1/lines?lane=batch", *line(name)))[0] == 202
        status, found = await curl("-X", "DELETE", f"{api}/v1/lines/unwanted")
        assert (status, found["state"]) == (202, "queued")
        assert (await curl("-X", "DELETE", f"{api}/v1/lines/nobodys"))[0] == 404
        asked = await run(deployment, "cancel", "commanded", "never-sent", "--json")
        assert asked.returncode == 0, asked.stderr
        assert [each["job"] for each in json.loads(asked.stdout)] == ["commanded", "never-sent"]
        waiting = asyncio.create_task(curl(f"{api}/v1/lines?lane=batch&wait=60s", *line("unwanted")))
        with deployment.worker(CHIRP3_ROLLOUT_PERCENTAGE="100") as (_, address):
            status, ended = await waiting
            assert (status, ended["state"]) == (200, "cancelled")
            assert ended["completion"]["error"]["code"] == "CANCELLED"
            status, ended = await curl(f"{api}/v1/lines/commanded?wait=60s")
            assert (status, ended["state"]) == (200, "cancelled")
            assert (await curl(f"{api}/v1/lines/unwanted/audio"))[0] == 409
            status, done = await curl(f"{api}/v1/lines/wanted?wait=60s")
            assert (status, done["state"]) == (200, "done")
            heard = deployment.folder / "heard.ogg"
            downloaded = await asyncio.create_subprocess_exec(
                program("curl"), "-s", "-L", "-o", str(heard), f"{api}/v1/lines/wanted/audio"
            )
            assert await downloaded.wait() == 0
            assert len(heard.read_bytes()) == done["completion"]["audio"]["bytes"]
            # What has ended stays as it is.
            for name, state in (("wanted", "done"), ("unwanted", "cancelled")):
                status, found = await curl("-X", "DELETE", f"{api}/v1/lines/{name}")
                assert (status, found["state"]) == (200, state)
            counters = await scrape(address)
    assert (await deployment.calls())["total"] == 1
    assert counters.total("tts_jobs_total", lane="batch", outcome="cancelled") == 2
    assert counters.total("tts_cancellations_total", outcome="noted") == 3


async def test_a_job_that_waits_for_its_retry_is_cancelled_when_that_is_due_with_what_was_tried(deployment):
    await deployment.create_topic("tts.retry.batch.3s", 2)
    # For this line alone, whoever speaks it: Google itself is up.
    await deployment.set_faults({"kind": "status", "code": "UNAVAILABLE", "text_pattern": r"line number 1\."})
    settings = {"RETRY_BATCH": "3s", "CHIRP3_ROLLOUT_PERCENTAGE": "100"}
    with deployment.worker(**settings) as (process, _):
        await deployment.produce([job(1)], Lane.BATCH)
        await until(lambda: '"outcome": "retried"' in process.log.read_text())
        await deployment.reset_emulator()
        assert (await run(deployment, "cancel", "job-1")).returncode == 0
        (completion,) = await deployment.completions(1)
    assert completion.status is JobStatus.CANCELLED
    assert [each.result for each in completion.attempts] == ["error", "error"]
    assert (await deployment.calls())["total"] == 0
    assert await deployment.dead_letters(0) == []


async def test_the_pages_curl_lines_work_word_for_word(deployment, tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"## With curl\n\n((?:    .*\n|\n)+)", text)
    export, _, commands = block.replace("\n    ", "\n").strip().partition("\n")
    assert export.startswith("export CHIRP_API=")
    made = await run(deployment, "token", "new", "--client", "game", "--scopes", "enqueue,read,feedback")
    token, entry = made.stdout.splitlines()
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{entry}\n")
    with deployment.worker(), deployment.http_api(HTTP_API_TOKENS_FILE=str(tokens)) as (_, api):
        environment = {**os.environ, "CHIRP_API": api, "CHIRP_TOKEN": token}
        # As a person would type them: one after the other, whatever the one before has ended with.
        ran = await asyncio.create_subprocess_exec(
            "bash", "-c", commands, env=environment, cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, errors = await ran.communicate()
    shown = printed.decode("utf-8", "replace")
    assert errors == b""
    assert (tmp_path / "hello.ogg").read_bytes().startswith(b"OggS")
    states = re.findall(r'"job_id":"([^"]*)","state":"([^"]*)"', shown)
    assert [state for name, state in states if name == "greeting-1"] == ["done", "done"]
    assert [state for name, state in states if name == "farewell-1"][-1] in {"cancelled", "done"}
    assert "location: /v1/lines/http-" in shown
    assert '"takes":[{"voice_model":' in shown
    assert ": listening" in shown
    assert "urn:chirp-worker:problem" not in shown
    (said,) = await deployment.read(FEEDBACK, 1)
    feedback = parse_feedback(said.value)
    assert (feedback.job_id, feedback.user_id, feedback.source) == ("greeting-1", "u-5f2c", "/clients/game")
