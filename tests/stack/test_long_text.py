"""A text of many calls becomes one take: of one voice model, as long as its parts, without a click at the joints."""

import io

import numpy as np
import pytest
import soundfile

from loadtest.emulator.synthesizer import canned_seconds
from tests.stack.deployment import job

# Twice as fast, and few samples: the test's time goes into carrying them.
SPEED = 2.0
RATE = 8000
# A pause of the clip is shorter, wherever the clip is cut.
AROUND = RATE // 2
# Half of a fade: elsewhere steps are as the clip has them, which espeak-ng makes a little differently each time.
FADED = RATE // 400
ENGLISH = "".join(f"In the year {number} the caravan left at dawn, and nobody waited for it. " for number in range(430))
CHINESE = "".join(f"第{number}年，商隊黎明就出發了，我們不能再等那些拾荒者。" for number in range(380))


@pytest.mark.parametrize(
    ("text", "language", "voice_model"), [(ENGLISH, "en-US", "chirp3-hd"), (CHINESE, "cmn-TW", "wavenet")]
)
async def test_thirty_thousand_bytes_become_one_take_without_a_click(deployment, text, language, voice_model):
    text = text.encode()[:30_000].decode(errors="ignore")
    with deployment.worker(CHIRP3_ROLLOUT_PERCENTAGE="100"):
        audio = {"encoding": "LINEAR16", "sample_rate": RATE}
        await deployment.produce([job(1, text=text, language=language, audio=audio, speaking_rate=SPEED)])
        (completion,) = await deployment.completions(1)
    calls = await deployment.control("GET", "/calls/log")
    inputs = sorted((call["input"] for call in calls), key=text.index)
    assert "".join(inputs) == text
    assert {call["voice"] for call in calls} == {completion.voice}
    assert completion.voice_model == voice_model
    assert len(await deployment.keys()) == 1

    parts = [canned_seconds(len(each), SPEED, dense_script=language == "cmn-TW") for each in inputs]
    assert len(parts) >= 6
    assert completion.audio.duration_s == pytest.approx(sum(parts), rel=0.02)
    async with deployment.store() as store:
        data, _ = soundfile.read(io.BytesIO(await store.fetch(completion.audio.key)), dtype="int16")
    steps = np.abs(np.diff(data.astype(np.int32)))
    joints = np.cumsum(parts)[:-1] * RATE
    for joint in joints:
        # The emulator's clips are cut where they are, and don't end in silence.
        assert data[joint - AROUND : joint].any()
        assert steps[joint - FADED : joint + FADED].max() <= np.percentile(steps[steps > 0], 99.9)
        assert data[joint - 1] == data[joint] == 0
