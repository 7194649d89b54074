"""The one catalogue of the controller's metrics; each help text says what a high or low value means."""

from typing import Final

from schemas.enums import Phase
from worker.observability import metric_catalogue as worker
from worker.observability.metric_definition import OPEN, CounterDefinition, Definition, GaugeDefinition, Label

TRANSITIONS: Final = ("promoted", "ended", "stepped back", "turned off", "quarantined", "waits")
"""The changes that a controller makes by itself."""

# Which criterion: its use, its title, its window, and its character; empty for all characters together.
_CRITERION: Final = (
    Label("use", ("gate", "at_once", "step", "character")),
    Label("gate", OPEN),
    Label("window", OPEN),
    Label("character", OPEN),
)

GATE_VALUE: Final = GaugeDefinition(
    "tts_rollout_gate_value",
    "What a gate or rule measured: a share, or seconds. High: near its limit, or beyond.",
    _CRITERION,
    from_start=False,
)
GATE_LIMIT: Final = GaugeDefinition(
    "tts_rollout_gate_limit",
    "What it is compared with. High: the plan allows much.",
    _CRITERION,
    from_start=False,
)
GATE_SAMPLE: Final = GaugeDefinition(
    "tts_rollout_gate_sample",
    "Attempts in the sample. High: the verdict is sure; low: too few for a verdict.",
    _CRITERION,
    from_start=False,
)
GATE_VERDICT: Final = GaugeDefinition(
    "tts_rollout_gate_verdict",
    "0 pass, 1 hold, 2 fail, 3 error. High: 2 of a rule: it rolls back; 3: its query is broken.",
    _CRITERION,
    from_start=False,
)
CERTIFICATE_END: Final = worker.CERTIFICATE_END
CERTIFICATE_LIFETIME: Final = worker.CERTIFICATE_LIFETIME
LEADS: Final = GaugeDefinition(
    "tts_rollout_leads",
    "1 on the controller that leads, and can read and write. High, a sum above 1 for long: two controllers lead; "
    "a sum below 1: nobody promotes or rolls back.",
)
STAGE: Final = GaugeDefinition(
    "tts_rollout_stage",
    "1 for the plan's stage; no sample: no plan runs. High, that is 1: the plan is in this stage.",
    (Label("plan", OPEN), Label("stage", OPEN)),
    from_start=False,
)
PHASE: Final = GaugeDefinition(
    "tts_rollout_phase",
    "1 for the plan's phase. High, that is 1, of waiting: a person has to act.",
    (Label("phase", tuple(Phase)),),
    from_start=False,
)
WAITS_FOR: Final = GaugeDefinition(
    "tts_rollout_waits_for",
    "1 for each thing that a promotion waits for: its kind, and which gate or question. High, that is 1, for long: "
    "this holds the plan.",
    (Label("what", OPEN), Label("which", OPEN)),
    from_start=False,
)
TRANSITIONS_MADE: Final = CounterDefinition(
    "tts_rollout_transitions",
    "Changes that this controller made, by kind. High turned off, stepped back, quarantined: roll-backs.",
    (Label("kind", TRANSITIONS),),
)
MESSAGES: Final = CounterDefinition(
    "tts_rollout_messages",
    "Attempts to send a message to an audience's webhook, by result. High failed: it is down, and is tried again; any "
    "refused: that message is lost.",
    (Label("audience", OPEN), Label("result", ("delivered", "refused", "failed"))),
)
UNSENT_MESSAGES: Final = GaugeDefinition(
    "tts_rollout_unsent_messages",
    "Messages that wait for an audience's webhook. High, that is above 0 for minutes: it fails.",
    (Label("audience", OPEN),),
    from_start=False,
)
STAGE_SERVED: Final = GaugeDefinition(
    "tts_rollout_stage_served_seconds",
    "Time served in the stage. High, that is above its least time: something holds it.",
)
JUDGED_AT: Final = GaugeDefinition(
    "tts_rollout_judged_timestamp_seconds",
    "When the last round was evaluated. High: just now; minutes old: no controller evaluates.",
)
LATE_ATTEMPTS: Final = GaugeDefinition(
    "tts_rollout_late_attempts",
    "Attempts that were published too late to be counted. High: workers were cut off from Kafka for hours.",
)
FEEDBACK: Final = GaugeDefinition(
    "tts_rollout_feedback",
    "Players' messages since the controller began to read for the plan, by outcome. High unknown: they name jobs that "
    "no completion has; high same_user: somebody floods.",
    (Label("outcome", ("counted", "praise", "same_user", "unknown", "repeated", "dropped")),),
    from_start=False,
)
VOTES: Final = GaugeDefinition(
    "tts_rollout_votes",
    "Listeners' votes in the topic, by outcome. High repeated: listeners vote again on pairs that they have heard.",
    (Label("outcome", ("counted", "repeated", "others")),),
    from_start=False,
)
UNREADABLE: Final = GaugeDefinition(
    "tts_rollout_unreadable_records",
    "Records that the controller couldn't read since it opened the topics: completions and retries, feedback, votes. "
    "High: whoever writes that topic writes something else; it isn't counted.",
    (Label("topic", ("attempts", "feedback", "votes")),),
    from_start=False,
)
READ_AGE: Final = GaugeDefinition(
    "tts_rollout_read_age_seconds",
    "How old the oldest record may be that the controller hasn't read yet, of attempts, feedback and votes. High: it "
    "lags behind, or a broker is silent; gates and rules wait for it.",
)
REPEATED_ATTEMPTS: Final = GaugeDefinition(
    "tts_rollout_repeated_attempts",
    "Attempts that were counted already: retried jobs list the earlier ones again. High: many jobs are tried again.",
)

ALL_CONTROLLER_METRICS: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Definition))
"""All of the above."""
