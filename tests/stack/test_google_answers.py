"""What Google refuses as it stands is asked for in another way, on the emulator that refuses it too."""

import re

from tests.stack.deployment import get, job

TOO_LONG = (
    "The road north of St. Louis was guarded by Dr. Mason and Mr. Black and Mrs. Green and Sgt. Hill who had come "
    "from the old Vault No. 21 with Capt. Rhodes and Lt. Cole and a mule that nobody could calm while the rain fell "
    "over the ruined city and the wind took the roof of the last house that still stood there since the war began"
)
REFUSED = {
    "kind": "status",
    "code": "INVALID_ARGUMENT",
    "message": "This request contains sentences that are too long. [...]",
    "text_pattern": r"St\. Louis",
}


async def test_lines_that_google_refuses_as_they_stand_are_spoken_by_the_voice_model_that_was_chosen(deployment):
    linear = {"encoding": "PCM", "sample_rate": 24000}
    jobs = [
        job(number, voice=voice_model, **fields)
        for number, (voice_model, fields) in enumerate(
            (voice_model, fields)
            for voice_model in ("chirp3-hd", "wavenet")
            for fields in (
                {"text": TOO_LONG},
                {"text": TOO_LONG.replace("St. Louis", "Lake Erie")},
                {"text": None, "ssml": f"<speak>Listen.<p>{TOO_LONG}</p></speak>"},
                {"audio": linear},
            )
        )
    ]
    await deployment.set_faults(REFUSED)
    with deployment.worker():
        await deployment.produce(jobs)
        completions = {each.job_id: each for each in await deployment.completions(len(jobs))}
    for requested in jobs:
        ended = completions[requested["job_id"]]
        assert (ended.status, ended.voice_model, ended.fallback) == ("done", requested["voice"], False), ended
        assert len(ended.attempts) == 1
    lengths = {each.audio.encoding: each.audio for each in completions.values()}
    pcm = lengths["PCM"]
    assert pcm.bytes == round(pcm.duration_s * 24_000) * 2
    async with deployment.store() as store:
        assert not (await store.fetch(pcm.key)).startswith(b"RIFF")


async def test_what_google_answers_otherwise_than_its_pages_say(deployment):
    pinyin = {"phrase": "行長", "phonetic": "hang2 zhang3", "alphabet": "pinyin"}
    chinese = {"character": "institute_scientist", "language": "cmn-TW", "text": "這位是行長。"}
    jobs = [
        job(0, voice="wavenet"),
        job(1, voice="en-US-Wavenet-Z"),
        job(2, **chinese, pronunciations=[pinyin]),
        job(3, **chinese, pronunciations=[{**pinyin, "alphabet": "ipa"}]),
        job(4, voice="chirp3-hd", text=None, ssml="<speak>Halt! <break time='700ms'/> Who goes there?</speak>"),
        job(5, voice="chirp3-hd", text="Stream removed."),
        job(6, text=None, ssml="<speak>Now <mark name='m'/> go.</speak>"),
    ]
    await deployment.emulator(removed_voices=["en-US-Wavenet-I"])
    await deployment.set_faults({"kind": "status", "code": "UNKNOWN", "message": "Stream removed", "limit": 1})
    with deployment.worker():
        await deployment.produce([jobs[5]])
        (removed,) = await deployment.completions(1)
        await deployment.produce([*jobs[:5], jobs[6]])
        ended = {each.job_id: each for each in await deployment.completions(len(jobs))}
        letters = {headers["dead-letter-field"] for _, headers in await deployment.dead_letters(3)}
    assert (removed.voice_model, removed.attempts[0].calls) == ("chirp3-hd", 2)
    second, unknown, said, ipa, halt, marked = (ended[f"job-{number}"] for number in (0, 1, 2, 3, 4, 6))
    assert (second.status, second.voice) == ("done", "en-US-Wavenet-A")
    assert (unknown.status, unknown.error.field, unknown.error.code) == ("failed", "voice", "INVALID_ARGUMENT")
    assert "en-US-Wavenet-Z" in unknown.error.message
    assert (said.status, said.voice_model) == ("done", "wavenet")
    assert (ipa.status, ipa.error.field) == ("failed", "pronunciations.0.alphabet")
    assert (halt.status, halt.voice_model) == ("done", "chirp3-hd")
    assert (marked.status, marked.error.field) == ("failed", "ssml")
    assert letters == {"voice", "pronunciations.0.alphabet", "ssml"}
    inputs = [call["input"] for call in await deployment.control("GET", "/calls/log")]
    assert "Halt! [pause] Who goes there?" in inputs
    assert any('<phoneme alphabet="pinyin" ph="hang2 zhang3">行長</phoneme>' in each for each in inputs)


async def test_a_slow_google_is_asked_for_less_at_once(deployment):
    jobs = [job(number) for number in range(120)]
    slow = {
        "TTS_TIMEOUT_BASE_S": "30",
        "TTS_TIMEOUT_PER_CHARACTER_S": "0",
        "MAX_IN_FLIGHT": "250",
        "QUOTA_WAVENET_PER_MINUTE": "0",
        "QUOTA_TOTAL_PER_MINUTE": "0",
    }
    await deployment.emulator(capacity=1, latency={"kind": "constant", "seconds": 0.3})
    with deployment.worker(CHIRP3_ENABLED="false", **slow) as (_, address):
        await deployment.produce(jobs)
        completions = await deployment.completions(len(jobs))
        metrics = (await get(f"{address}/metrics/prometheus"))[1]
    assert {each.status for each in completions} == {"done"}
    highest = (await deployment.calls())["highest_in_flight"]
    limit = re.search(r'tts_google_concurrency_limit{voice_model="wavenet"} (\S+)', metrics)
    assert limit is not None
    assert 1 <= float(limit[1]) < highest < len(jobs)
