"""The closed vocabularies of the messages; spelled the same in code, metrics, CLI and docs."""

from enum import StrEnum


class VoiceModel(StrEnum):
    """What speaks: Google's new voice model or the one that it replaces."""

    CHIRP3_HD = "chirp3-hd"
    WAVENET = "wavenet"


class Lane(StrEnum):
    """`dialogue`: somebody waits for the audio; `batch`: nobody does. Each has its own topic."""

    DIALOGUE = "dialogue"
    BATCH = "batch"


class AudioEncoding(StrEnum):
    """Google's names of the encodings that both voice models make."""

    OGG_OPUS = "OGG_OPUS"
    MP3 = "MP3"
    LINEAR16 = "LINEAR16"
    PCM = "PCM"
    MULAW = "MULAW"
    ALAW = "ALAW"


class PhoneticAlphabet(StrEnum):
    """The alphabets in which a pronunciation may be written."""

    IPA = "ipa"
    X_SAMPA = "x-sampa"


class DecisionReason(StrEnum):
    """Why a job got its voice model, in the order in which the rules are asked."""

    BRAKED = "braked"
    FORCED = "forced"
    DISABLED = "disabled"
    EXCLUDED = "excluded"
    NOT_LISTED = "not_listed"
    LANGUAGE = "language"
    IN_ROLLOUT = "in_rollout"
    OUTSIDE = "outside"


class FailureClass(StrEnum):
    """What kind of failure an attempt met; what follows depends on the class, never on the exception."""

    INVALID = "invalid"
    QUOTA = "quota"
    TRANSIENT = "transient"
    TIMEOUT = "timeout"
    BAD_AUDIO = "bad_audio"
    DENIED = "denied"
    CIRCUIT_OPEN = "circuit_open"


class JobStatus(StrEnum):
    """How a job ended."""

    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


class Phase(StrEnum):
    """What the plan that runs does: goes on by itself, is held by a person, waits for one, or has reached its end."""

    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    DONE = "done"


class AttemptResult(StrEnum):
    """How an attempt ended; the `status` label of `tts_synthesis_total`."""

    SUCCESS = "success"
    ERROR = "error"
