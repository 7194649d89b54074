import asyncio
import hashlib
import json
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.topics import all_topics
from tests.stack.cli import call, run


async def test_enqueue_waits_prints_the_completion_and_saves_the_audio(deployment, tmp_path: Path):
    target = tmp_path / "line.ogg"
    with deployment.worker():
        ended = await run(
            deployment, "enqueue", "All is well.", "--character", "codsworth", "--wait", "--save", str(target)
        )
    assert ended.returncode == 0, ended.stderr
    completion = json.loads(ended.stdout)
    assert completion["status"] == "done"
    assert hashlib.sha256(target.read_bytes()).hexdigest() == completion["audio"]["sha256"]


async def test_a_completion_is_printed_though_the_store_does_not_answer_whoever_wants_the_audio(
    deployment, tmp_path: Path
):
    away = {**deployment.environment, "S3_ENDPOINT_URL": "http://127.0.0.1:1"}
    with deployment.worker():
        ended = await asyncio.to_thread(call, away, "enqueue", "All is well.", "--save", str(tmp_path / "line.ogg"))
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["status"] == "done"
    assert ended.stderr.startswith("chirp-worker: download of ")


async def test_enqueue_takes_a_whole_job_from_standard_input(deployment):
    whole = json.dumps({"job_id": "whole-1", "character": "ghoul", "text": "Rough night."})
    ended = await run(deployment, "enqueue", "--job", "-", "--lane", "batch", input=whole)
    assert ended.stdout.strip() == "whole-1"
    with deployment.worker():
        (completion,) = await deployment.completions(1)
    assert (completion.job_id, completion.lane) == ("whole-1", "batch")


async def test_enqueue_says_what_is_wrong_before_anything_is_sent(deployment):
    ended = await run(deployment, "enqueue", "hi", "--character", "nobody")
    assert ended.returncode == 2
    assert ended.stderr.startswith("chirp-worker: character: 'nobody' is unknown")
    assert ended.stderr.count("\n") == 1


async def test_enqueue_that_nobody_answers_says_where_to_look(deployment):
    ended = await run(deployment, "enqueue", "hi", "--wait", "--timeout", "1")
    assert ended.returncode == 1
    assert "is a worker running?" in ended.stderr


async def test_topics_create_says_what_is_there(deployment):
    ended = await run(deployment, "topics", "create", "--json")
    rows = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert [row["state"] for row in rows] == ["as in the table"] * len(all_topics())
    assert {row["topic"].removeprefix(deployment.name): row["retention"] for row in rows}[".rollout"] == "for ever"


async def test_topics_create_names_what_differs(deployment):
    prefix = f"{deployment.name}-other"
    subprocess_environment = {**deployment.environment, "KAFKA_TOPIC_PREFIX": prefix}
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.stack.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(f"{prefix}.dialogue", 2, 1)])
    await admin.close()
    ended = await asyncio.to_thread(call, subprocess_environment, "topics", "create", "--json")
    states = {row["topic"]: row["state"] for row in json.loads(ended.stdout)}
    assert "partitions: 2, the table says 12" in states[f"{prefix}.dialogue"]
    assert states[f"{prefix}.batch"] == "created"


async def test_doctor_finds_the_whole_stack_well(deployment):
    ended = await run(deployment, "doctor")
    assert ended.returncode == 0, ended.stdout
    assert "the second PUT was refused with 412" in ended.stdout
    assert "FAIL" not in ended.stdout


async def test_doctor_says_what_to_do_when_nothing_can_be_reached(deployment):
    nowhere = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "S3_ENDPOINT_URL": "http://127.0.0.1:1",
        "TTS_ENDPOINT": "127.0.0.1:1",
        "TTS_TIMEOUT_MAX_S": "2",
    }
    ended = await asyncio.to_thread(call, {**deployment.environment, **nowhere}, "doctor")
    assert ended.returncode == 1
    assert ended.stdout.count("FAIL") == 3
    assert "correct KAFKA_BOOTSTRAP_SERVERS" in ended.stdout
    assert "Traceback" not in ended.stderr


async def test_voices_check_finds_every_voice_and_warns_of_codsworths_genders(deployment):
    ended = await run(deployment, "voices", "check", "--json")
    findings = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert [(finding["character"], finding["severity"]) for finding in findings] == [("codsworth", "warning")]
    assert "en-US-Chirp3-HD-Despina is female" in findings[0]["finding"]
    assert "cmn-TW-Wavenet-B is male" in findings[0]["finding"]
    listed = await run(deployment, "voices", "list", "--json")
    voices = json.loads(listed.stdout)
    # Chirp and WaveNet in en-US, WaveNet in cmn-TW, and a second WaveNet voice in both.
    assert len(voices) == 14 * 5
    assert sum(voice["second"] for voice in voices) == 14 * 2


async def test_voices_check_fails_on_a_voice_that_google_does_not_have(deployment, tmp_path: Path):
    built_in = Path("worker/speech/characters.yaml").read_text(encoding="utf-8")
    mine = tmp_path / "characters.yaml"
    mine.write_text(built_in.replace("chirp: Puck", "chirp: Pluck"))
    environment = {**deployment.environment, "CHARACTERS_FILE": str(mine)}
    ended = await asyncio.to_thread(call, environment, "voices", "check")
    assert ended.returncode == 1
    assert "en-US-Chirp3-HD-Pluck" in ended.stdout


def test_a_wrong_setting_stops_the_start_with_one_line():
    for variable, value in {
        "CHIRP3_ROLLOUT_PERCENTAGE": "101",
        "MAX_IN_FLIGHT": "many",
        "CHIRP3_ENABLED_CHARACTERS": "pip_boy,nobody",
        "S3_ENDPOINT_URL": "ftp://x",
        "CHARACTERS_FILE": "/nowhere/at/all.yaml",
        "ROLLOUT_SOURCE": "kafka",
    }.items():
        ended = call({variable: value, "TTS_PLAINTEXT": "true"}, "run")
        assert ended.returncode == 2, variable
        assert ended.stderr.count("\n") == 1, ended.stderr
        assert value.split(",")[-1] in ended.stderr


def test_decide_explains_without_any_server():
    environment = {"CHIRP3_ENABLED": "true", "CHIRP3_ROLLOUT_PERCENTAGE": "25", "CHIRP3_ENABLED_CHARACTERS": "pip_boy"}
    listed = call(environment, "decide", "--character", "pip_boy", "--user-id", "u1", "--json")
    unlisted = call(environment, "decide", "--character", "ghoul", "--user-id", "u1", "--json")
    chinese = call(environment, "decide", "--character", "pip_boy", "--language", "cmn-TW", "--text", "好", "--json")
    assert json.loads(listed.stdout)["reason"] in {"in_rollout", "outside"}
    assert json.loads(unlisted.stdout)["reason"] == "not_listed"
    assert json.loads(chinese.stdout)["reason"] == "language"


def test_config_show_masks_secrets():
    environment = {"S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "very-secret"}
    ended = call(environment, "config", "show", "--json")
    shown = {row["variable"]: row["value"] for row in json.loads(ended.stdout)}
    assert shown["S3_SECRET_ACCESS_KEY"] == "***"
    assert "very-secret" not in ended.stdout
