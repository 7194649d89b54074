"""The enumerations of the messages; spelled the same in code, metrics, CLI and docs. Pure."""

from enum import StrEnum
from typing import Final


class VoiceModel(StrEnum):
    """Google's new voice model, Chirp 3: HD, or the one that it replaces, WaveNet."""

    CHIRP3_HD = "chirp3-hd"
    WAVENET = "wavenet"


class Lane(StrEnum):
    """`dialogue`: somebody waits for the audio; `batch`: nobody does. Each lane has its own topic."""

    DIALOGUE = "dialogue"
    BATCH = "batch"


class AudioEncoding(StrEnum):
    """The encodings that both voice models support, by Google's names."""

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
    PINYIN = "pinyin"
    JYUTPING = "jyutping"


class DecisionReason(StrEnum):
    """Why a job got its voice model, in the order in which the rules are checked."""

    BRAKED = "braked"
    FORCED = "forced"
    DISABLED = "disabled"
    EXCLUDED = "excluded"
    NOT_LISTED = "not_listed"
    LANGUAGE = "language"
    IN_ROLLOUT = "in_rollout"
    OUTSIDE = "outside"


class FailureClass(StrEnum):
    """The kind of an attempt's failure; what follows depends on the class, never on the exception."""

    INVALID = "invalid"
    QUOTA = "quota"
    TRANSIENT = "transient"
    TIMEOUT = "timeout"
    BAD_AUDIO = "bad_audio"
    DENIED = "denied"
    CIRCUIT_OPEN = "circuit_open"


PROBLEM_CLASSES: Final = (
    *(each.value for each in FailureClass),
    "bad_input",
    "storage",
    "expired",
    "cancelled",
    "internal",
)
"""The kinds of a job's failure: those of its attempts, and those in which Google had no part."""


class AudioFault(StrEnum):
    """The check that audio failed: nothing of it can be played, or it can't be the line that was asked for."""

    UNREADABLE = "unreadable"
    FORMAT = "format"
    CUT = "cut"
    SILENCE = "silence"
    NOISE = "noise"
    LENGTH = "length"
    PEAK = "peak"


class JobStatus(StrEnum):
    """How a job ended."""

    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Phase(StrEnum):
    """The state of a running plan: it goes on by itself, a person paused it, it waits for a person, or it has ended."""

    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    DONE = "done"


class AttemptResult(StrEnum):
    """How an attempt ended; the `status` label of `tts_synthesis_total`."""

    SUCCESS = "success"
    ERROR = "error"


class FeedbackKind(StrEnum):
    """What a player says of a line that they heard: that something is wrong with it, or that it is good."""

    REPORT = "report"
    PRAISE = "praise"


class FeedbackReason(StrEnum):
    """What is wrong with a line, or good about it; `other` may be either."""

    ROBOTIC = "robotic"
    WRONG_VOICE = "wrong_voice"
    MISPRONOUNCED = "mispronounced"
    WRONG_WORDS = "wrong_words"
    WRONG_LANGUAGE = "wrong_language"
    NOISE = "noise"
    CUT_OFF = "cut_off"
    VOLUME = "volume"
    PACE = "pace"
    NATURAL = "natural"
    FITS_CHARACTER = "fits_character"
    CLEAR = "clear"
    OTHER = "other"


PRAISE_REASONS: Final = (
    FeedbackReason.NATURAL,
    FeedbackReason.FITS_CHARACTER,
    FeedbackReason.CLEAR,
    FeedbackReason.OTHER,
)
FAULTS: Final = (*(each for each in FeedbackReason if each not in PRAISE_REASONS), FeedbackReason.OTHER)
"""What may be wrong with a line: the reasons of a report, and of a vote that a take can't be used."""


class VoteChoice(StrEnum):
    """A listener's vote on a pair of takes: which one is better, that neither is, or that one can't be used."""

    FIRST = "first"
    SECOND = "second"
    EQUAL = "equal"
    CANNOT_USE = "cannot_use"


class PairSide(StrEnum):
    """A take of a pair by the order in which it was played, or both takes."""

    FIRST = "first"
    SECOND = "second"
    BOTH = "both"


class VerdictChoice(StrEnum):
    """What a director says of a line's take: it stays, or the line needs another one."""

    ACCEPT = "accept"
    REDO = "redo"
