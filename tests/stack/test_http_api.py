"""The HTTP API on the local stack, by real HTTP: lines are enqueued, waited for and heard."""

import asyncio
import hashlib
import json
import signal
from contextlib import suppress

import aiohttp

from loadtest.stack.local_stack import worker_environment
from loadtest.stack.ports import free_ports, listening
from loadtest.stack.processes import Process
from schemas.enums import Lane
from schemas.topics import LANES
from tests.stack.cli import CLI, call, run
from tests.stack.deployment import get, job

LINE = {"character": "codsworth", "text": "Welcome home, traveller."}


async def test_a_line_is_enqueued_waited_for_and_heard_with_range(deployment):
    with deployment.worker(), deployment.http_api() as (_, api):
        async with aiohttp.ClientSession(api) as client:
            async with client.post("/v1/lines", json={**LINE, "job_id": "greeting-1"}) as answer:
                assert answer.status == 202, await answer.text()
                assert answer.headers["Location"] == "/v1/lines/greeting-1"
            async with client.get("/v1/lines/greeting-1?wait=60s") as answer:
                line = await answer.json()
            assert line["state"] == "done"
            audio = line["completion"]["audio"]
            async with client.get(line["audio_address"], allow_redirects=False) as answer:
                assert answer.status == 302
            async with client.get(line["audio_address"]) as answer:
                assert hashlib.sha256(await answer.read()).hexdigest() == audio["sha256"]
            async with client.get(line["audio_address"], headers={"Range": "bytes=0-3"}) as answer:
                assert (answer.status, await answer.read()) == (206, b"OggS")


async def test_a_line_that_is_waited_for_comes_with_its_completion(deployment):
    with deployment.worker(), deployment.http_api() as (_, api):
        async with aiohttp.ClientSession(api) as client, client.post("/v1/lines?wait=60s", json=LINE) as answer:
            line = await answer.json()
    assert answer.status == 200, line
    assert line["completion"]["job_id"] == line["job_id"]
    assert line["completion"]["lane"] == "dialogue"


async def test_the_pages_requests_work_as_the_engines_send_them(deployment):
    job = {"job_id": "tavern:3", "audio": {"encoding": "MP3", "sample_rate": 24000}, **LINE}
    with deployment.worker(), deployment.http_api() as (_, api):
        async with aiohttp.ClientSession() as client:
            async with client.post(f"{api}/v1/lines?wait=60s", json=job) as answer:
                line = await answer.json()
            async with client.get(line["completion"]["audio"]["url"]) as answer:
                audio = await answer.read()
                assert (answer.status, answer.headers["Content-Type"]) == (200, "audio/mpeg")
            async with client.delete(f"{api}/v1/lines/tavern:3") as answer:
                assert (answer.status, (await answer.json())["state"]) == (200, "done")
            report = {"kind": "report", "reason": "robotic", "job_id": "tavern:3", "user_id": "u-5f2c"}
            key = {"Idempotency-Key": "u-5f2c tavern:3"}
            async with client.post(f"{api}/v1/feedback", json=report, headers=key) as answer:
                assert answer.status == 202, await answer.text()
        assert hashlib.sha256(audio).hexdigest() == line["completion"]["audio"]["sha256"]


async def test_processes_agree_on_a_key_and_on_where_a_line_is_also_after_a_start(deployment):
    key = {"Idempotency-Key": "scene-7/line-3"}
    with deployment.http_api("one") as (_, one), deployment.http_api("two") as (_, two):
        async with aiohttp.ClientSession() as client:
            async with client.post(f"{one}/v1/lines", json=LINE, headers=key) as answer:
                first = await answer.json()
            assert (await known(client, two, first["job_id"]))["state"] == "queued"
            async with client.post(f"{two}/v1/lines", json=LINE, headers=key) as answer:
                assert (await answer.json())["job_id"] == first["job_id"]
            with deployment.http_api("three") as (_, three):
                async with client.post(f"{three}/v1/lines", json={**LINE, "text": "Another."}, headers=key) as answer:
                    assert answer.status == 409
            with deployment.worker():
                async with client.get(f"{two}/v1/lines/{first['job_id']}?wait=60s") as answer:
                    assert (await answer.json())["state"] == "done"
    assert len(await deployment.read(LANES[Lane.DIALOGUE], 1)) == 1


async def known(client, api, job_id):
    """The line, once this process has read it of Kafka."""
    async with asyncio.timeout(60):
        while True:
            async with client.get(f"{api}/v1/lines/{job_id}") as answer:
                if answer.status == 200:
                    return await answer.json()
            await asyncio.sleep(0.05)


async def test_a_stream_that_broke_off_goes_on_in_another_process_without_a_gap(deployment):
    async def read(answer, count):
        events = []
        while len(events) < count:
            text = (await answer.content.readuntil(b"\n\n")).decode()
            lines = [line for line in text.splitlines() if line and not line.startswith(":")]
            fields = dict(line.split(": ", 1) for line in lines)
            if fields:
                events.append((fields["id"], json.loads(fields["data"])["job_id"]))
        return events

    with deployment.worker(), deployment.http_api("two") as (_, two):
        async with aiohttp.ClientSession() as client:
            with deployment.http_api("one") as (_, one):
                async with client.get(f"{one}/v1/events") as answer:
                    await deployment.produce(job(number) for number in range(10))
                    seen = await read(answer, 4)
            # Its process has ended; meanwhile the others end.
            await deployment.produce(job(number) for number in range(10, 20))
            await deployment.completions(20)
            async with client.get(f"{two}/v1/events", headers={"Last-Event-ID": seen[-1][0]}) as answer:
                seen += await read(answer, 16)
                await deployment.produce([job(20)])
                seen += await read(answer, 1)
    assert sorted(name for _, name in seen) == sorted(f"job-{number}" for number in range(21))


async def test_a_process_that_is_killed_and_started_under_load_loses_no_line_and_sends_none_twice(deployment):
    """Clients repeat what wasn't answered, as they must: by the same key, at the address of whoever is there."""
    lines, kills = 60, 3
    (port,) = free_ports(1)
    api = f"http://127.0.0.1:{port}"
    answered: dict[int, dict] = {}

    async def serve_and_kill():
        for number in range(kills + 1):
            last = number == kills
            api_process = deployment.http_api(f"serve-{number}", HTTP_API_PORT=str(port))
            process, _ = await asyncio.to_thread(api_process.__enter__)
            try:
                # Each is killed in the midst of its work, the last one serves until all are answered.
                enough = lines if last else (number + 1) * lines // (kills + 2)
                while len(answered) < enough:
                    await asyncio.sleep(0.01)
                if not last:
                    process.kill()
            finally:
                await asyncio.to_thread(api_process.__exit__, None, None, None)

    async def client_of(client, number):
        line = {**LINE, "text": f"This is line number {number}."}
        while number not in answered:
            with suppress(aiohttp.ClientError):
                key = {"Idempotency-Key": f"line-{number}"}
                async with client.post(f"{api}/v1/lines?wait=60s", json=line, headers=key) as answer:
                    if answer.status == 200:
                        answered[number] = await answer.json()
                        return
                    assert answer.status in {202, 503}, await answer.text()
                    await asyncio.sleep(int(answer.headers.get("Retry-After", 0)))
            await asyncio.sleep(0.1)

    with deployment.worker():
        serving = asyncio.create_task(serve_and_kill())
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=8)) as client:
            await asyncio.gather(*(client_of(client, number) for number in range(lines)))
        await serving
        records = await deployment.read(LANES[Lane.DIALOGUE], lines)
    assert {line["state"] for line in answered.values()} == {"done"}
    ids = [json.loads(record.value)["job_id"] for record in records]
    assert sorted(ids) == sorted({line["job_id"] for line in answered.values()})
    assert len(ids) == lines


async def test_on_sigterm_who_waits_is_asked_to_come_again_and_the_line_is_done_all_the_same(deployment):
    with deployment.http_api() as (process, api):
        async with aiohttp.ClientSession(api) as client:
            waiting = asyncio.create_task(answered(client, "POST", "/v1/lines?wait=60s", {**LINE, "job_id": "a"}))
            await known(client, "", "a")
            process.signal(signal.SIGTERM)
            status, problem, headers = await waiting
        assert await asyncio.to_thread(process.wait, 60) == 0
    assert (status, problem["type"]) == (503, "urn:chirp-worker:problem:stopping")
    assert int(headers["Retry-After"]) > 0
    with deployment.worker():
        assert [each.job_id for each in await deployment.completions(1)] == ["a"]


async def test_while_kafka_is_away_a_line_is_refused_for_now_and_the_process_is_alive_and_not_ready(deployment):
    port, http_port, nowhere = free_ports(3)
    away = {
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{nowhere}",
        "HTTP_API_PORT": str(port),
        "HTTP_PORT": str(http_port),
    }
    environment = worker_environment({**deployment.environment, **away})
    log = deployment.folder / "serve.log"
    process = Process("serve", [*CLI, "serve"], log, environment, start=deployment.start)
    try:
        process.wait_until(lambda: listening(port))
        async with aiohttp.ClientSession() as client:
            status, problem, headers = await answered(client, "POST", f"http://127.0.0.1:{port}/v1/lines", LINE)
            assert (status, problem["type"]) == (503, "urn:chirp-worker:problem:not-ready")
            assert "Kafka" in problem["detail"]
            assert int(headers["Retry-After"]) > 0
            alive, _ = await get(f"http://127.0.0.1:{http_port}/healthz")
            ready, why = await get(f"http://127.0.0.1:{http_port}/readyz")
        assert (alive, ready) == (200, 503)
        assert "Kafka" in why
    finally:
        process.stop()


async def test_a_client_is_who_its_token_says_and_a_token_ends_when_its_line_does(deployment, tmp_path):
    made = await run(deployment, "token", "new", "--client", "game", "--scopes", "enqueue")
    assert made.returncode == 0, made.stderr
    token, line = made.stdout.splitlines()
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{line}\n{'other read ' + '0' * 64}\n")
    bearer = {"Authorization": f"Bearer {token}"}
    with deployment.http_api(HTTP_API_TOKENS_FILE=str(tokens)) as (_, api):
        async with aiohttp.ClientSession(api, headers=bearer) as client:
            assert (await answered(client, "POST", "/v1/lines", LINE))[0] == 202
            assert (await answered(client, "GET", "/v1/lines/a"))[0] == 403
            tokens.write_text(f"{'other read ' + '0' * 64}\n")
            assert (await answered(client, "POST", "/v1/lines", LINE))[0] == 401


async def test_without_tokens_serve_refuses_an_address_that_others_reach(deployment):
    environment = {**deployment.environment, "HTTP_API_HOST": "0.0.0.0", "HTTP_API_PORT": "0"}  # noqa: S104
    ended = await asyncio.to_thread(call, environment, "serve")
    assert ended.returncode == 2
    assert "HTTP_API_HOST='0.0.0.0': without HTTP_API_TOKENS_FILE allowed is a loopback address" in ended.stderr


async def answered(client, method, path, body=None):
    async with client.request(method, path, json=body) as answer:
        return answer.status, await answer.json(), answer.headers
