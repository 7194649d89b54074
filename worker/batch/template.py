"""Examples of a script, one of each form: they are scripts themselves, without a finding. Pure."""

from typing import Final

CSV: Final = """\
job_id,character,text,scene,language,speaking_rate,take,pronunciations,labels.quest
intro-1,pip_boy,"Good morning, wanderer. [pause] Your boots are dry.",vault-door,en-US,,,,main
intro-2,ghoul,"They call me ""Smoothskin"". I don't mind.",vault-door,en-US,0.9,,,main
intro-3,ghoul,The ghoul speaks last.,vault-door,en-US,,2,"[{""phrase"": ""ghoul"", ""phonetic"": ""ɡuːl""}]",
intro-4,pip_boy,今天的輻射值偏低。,garden,cmn-TW,,,,side
"""

JSON_LINES: Final = """\
{"job_id": "intro-1", "character": "pip_boy", "text": "Good morning. [pause] All is well.", "scene": "vault-door"}
{"job_id": "intro-2", "character": "ghoul", "text": "I don't mind.", "scene": "vault-door", "speaking_rate": 0.9}
{"job_id": "intro-3", "character": "ghoul", "ssml": "<speak>Wait <break time=\\"1s\\"/> for it.</speak>", "take": 2}
{"job_id": "intro-4", "character": "pip_boy", "text": "今天的輻射值偏低。", "language": "cmn-TW", "take": 1}
"""
