"""What the commands about voices show. Pure."""

from collections.abc import Iterable

from worker.speech.catalogue_check import CharacterVoice, VoiceFinding


def voice_rows(voices: Iterable[CharacterVoice]) -> list[dict[str, object]]:
    """One row for each character, language and voice model."""
    return [
        {
            "character": each.character,
            "language": each.language,
            "voice model": each.voice.voice_model.value,
            "voice": each.voice.name,
            "second": each.is_second,
            "gender": each.gender or "not listed by Google",
        }
        for each in voices
    ]


def finding_rows(findings: Iterable[VoiceFinding]) -> list[dict[str, object]]:
    """One row a finding."""
    return [
        {"character": each.character, "severity": "error" if each.error else "warning", "finding": each.message}
        for each in findings
    ]
