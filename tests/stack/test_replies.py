"""Several game servers, each with its own topic for completions."""

import asyncio

from schemas.completion import Completion
from schemas.topics import COMPLETIONS
from tests.stack.cli import call
from tests.stack.deployment import job


async def test_each_game_server_gets_its_own_completions_and_everybody_all(deployment):
    names = [deployment.topic(f"tts.replies.game-{number}") for number in (1, 2)]
    allowed = {"REPLY_TOPICS": ",".join(names)}
    early = await asyncio.to_thread(call, {**deployment.environment, **allowed}, "run")
    assert early.returncode == 1
    assert f"no topic {names[0]}, {names[1]}; `chirp-worker topics create` makes them" in early.stderr
    made = await asyncio.to_thread(call, {**deployment.environment, **allowed}, "topics", "create")
    assert made.returncode == 0, made.stderr

    with deployment.worker(**allowed):
        await deployment.produce(job(number, reply_topic=names[number % 2]) for number in range(6))
        await deployment.produce([job(6), job(7, reply_topic=deployment.topic("tts.batch"))])
        everybody = await deployment.completions(8)
        ((_, letter),) = await deployment.dead_letters(1)
        theirs = [await deployment.read(f"tts.replies.game-{number}", 3) for number in (1, 2)]
    assert {completion.job_id for completion in everybody} == {f"job-{number}" for number in range(8)}
    assert letter["dead-letter-field"] == "reply_topic"
    ids = [sorted(Completion.model_validate_json(record.value).job_id for record in records) for records in theirs]
    assert ids == [["job-0", "job-2", "job-4"], ["job-1", "job-3", "job-5"]]
    headers = dict((await deployment.read(COMPLETIONS, 8))[0].headers)
    assert headers.keys() == dict(theirs[0][0].headers).keys()
