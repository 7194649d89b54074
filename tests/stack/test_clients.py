"""Clients that nobody here wrote: kcat produces and consumes, Prometheus scrapes and answers the plan's queries."""

import asyncio
import hashlib
import json
import subprocess
from http import HTTPStatus

import aiohttp
import pytest

from loadtest.stack.counters import scrape
from loadtest.stack.local_stack import http_status
from loadtest.stack.ports import free_ports
from loadtest.stack.processes import Process
from schemas.enums import Lane
from schemas.topics import COMPLETIONS, LANES
from tests.stack.deployment import job, program
from tests.until import HANG_S, until

# The plan's four queries, as it writes them.
SUCCESS_RATE = 'sum(rate(tts_synthesis_total{status="success"}[5m])) / sum(rate(tts_synthesis_total[5m])) * 100'
MEAN_TIME = "rate(tts_synthesis_duration_seconds_sum[5m]) / rate(tts_synthesis_duration_seconds_count[5m])"
FALLBACK_RATE = (
    'sum(rate(tts_chirp3_fallback_total[5m])) / sum(rate(tts_synthesis_total{voice_model="chirp3-hd"}[5m])) * 100'
)
BY_MODEL = "sum(rate(tts_synthesis_total[5m])) by (voice_model)"


async def test_kcat_produces_a_job_as_plain_json_and_reads_its_completion(deployment):
    kcat = [program("kcat"), "-b", deployment.stack.kafka, "-q"]
    line = json.dumps(job(1, character="codsworth", text="Tea is served, sir."))
    with deployment.worker():
        send = [*kcat, "-P", "-t", deployment.topic(LANES[Lane.DIALOGUE]), "-k", "scene-7"]
        subprocess.run(send, input=line.encode(), check=True, timeout=HANG_S)
        await deployment.completions(1)
        read = [*kcat, "-C", "-t", deployment.topic(COMPLETIONS), "-o", "beginning", "-e", "-f", "%k\n%h\n%s\n"]
        answer = await asyncio.to_thread(subprocess.run, read, capture_output=True, check=True, timeout=HANG_S)
    key, headers, value = answer.stdout.decode().strip().split("\n")
    completion = json.loads(value)
    assert key == "scene-7"
    assert "ce_type=chirp-worker.completion.v1" in headers
    assert completion["status"] == "done"
    async with deployment.store() as store:
        audio = await store.fetch(completion["audio"]["key"])
    assert hashlib.sha256(audio).hexdigest() == completion["audio"]["sha256"]


async def test_prometheus_answers_the_plans_four_queries_with_what_was_counted(deployment, tmp_path):
    prometheus = program("prometheus")
    await deployment.set_faults(
        {"kind": "status", "code": "UNAVAILABLE", "voice_model": "chirp3-hd", "text_pattern": "fails"}
    )
    (port,) = free_ports(1)
    with deployment.worker(CHIRP3_ROLLOUT_PERCENTAGE="50") as (_, address):
        config = tmp_path / "prometheus.yml"
        target = address.removeprefix("http://")
        config.write_text(
            f"global: {{scrape_interval: 1s}}\n"
            f"scrape_configs: [{{job_name: worker, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        command = [
            prometheus,
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        server = Process("prometheus", command, tmp_path / "prometheus.log")
        try:
            server.wait_until(lambda: http_status(f"http://127.0.0.1:{port}/-/ready") == HTTPStatus.OK)
            # rate() needs samples from before the first attempt.
            await until(lambda: ask(port, "count_over_time(tts_google_denied[5m]) > 2"))
            texts = [f"Line {n}{' fails' if n % 5 == 0 else ''}." for n in range(60)]
            await deployment.produce(job(n, text=text) for n, text in enumerate(texts))
            await deployment.completions(60)
            counted = await scrape(address)
            attempts = counted.total("tts_synthesis_total")
            await until(lambda: ask(port, f"sum(tts_synthesis_total) == {attempts}"))
            found = {query: await ask(port, query) for query in (SUCCESS_RATE, MEAN_TIME, FALLBACK_RATE, BY_MODEL)}
        finally:
            server.stop()

    successes = counted.total("tts_synthesis_total", status="success")
    chirp = counted.total("tts_synthesis_total", voice_model="chirp3-hd")
    fallbacks = counted.total("tts_chirp3_fallback_total")
    assert fallbacks > 0
    ((_, success_rate),) = found[SUCCESS_RATE]
    ((_, fallback_rate),) = found[FALLBACK_RATE]
    assert success_rate == pytest.approx(100 * successes / attempts, abs=0.01)
    assert fallback_rate == pytest.approx(100 * fallbacks / chirp, abs=0.01)
    by_model = {labels["voice_model"]: value for labels, value in found[BY_MODEL]}
    assert by_model["chirp3-hd"] / sum(by_model.values()) == pytest.approx(chirp / attempts, abs=0.001)
    means = {labels["voice_model"]: value for labels, value in found[MEAN_TIME] if labels["character_key"] == "pip_boy"}
    for voice_model, mean in means.items():
        seconds = counted.total("tts_synthesis_duration_seconds_sum", voice_model=voice_model)
        count = counted.total("tts_synthesis_duration_seconds_count", voice_model=voice_model)
        assert mean == pytest.approx(seconds / count, rel=0.01)
    assert set(means) == {"chirp3-hd", "wavenet"}


async def ask(port: int, query: str) -> list[tuple[dict[str, str], float]]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": query}) as answer,
    ):
        body = await answer.json()
    assert body["status"] == "success"
    return [(entry["metric"], float(entry["value"][1])) for entry in body["data"]["result"]]
