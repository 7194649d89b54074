"""The HTTP API on the local stack, by real HTTP: lines are enqueued, waited for and heard."""

import hashlib

import aiohttp

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
