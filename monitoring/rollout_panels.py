"""The panels of the rollout: where the plan is, what its gates say, who follows it, and what it costs."""

from typing import Final

from monitoring.panel import Panel, Query, Row
from monitoring.plan_panels import PLAN_PANELS, USE_BY_MODEL
from monitoring.promql import rate, series, total
from schemas.enums import Phase, VoiceModel
from worker.observability import controller_metric_catalogue as controller
from worker.observability import metric_catalogue as metrics
from worker.observability.metric_definition import Definition
from worker.pricing.google_terms import TERMS
from worker.rollout.plan.conditions import Measure

_SECONDS_A_DAY: Final = 86_400
_GATE_LABELS: Final = "{{use}} {{gate}} {{window}} {{character}}"
_BY_CRITERION: Final = ("use", "gate", "window", "character")


def _latest(selector: str, *by: str) -> str:
    # Every controller evaluates, so that each criterion has a series for each of them.
    return f"max by ({', '.join(by)}) ({selector})"


def _of_all_characters(definition: Definition) -> str:
    return _latest(series(definition, character="", gate=f"!{Measure.CACHE_HIT_RATE}"), *_BY_CRITERION)


def _dollars_a_day(voice_model: VoiceModel) -> Query:
    characters = total(rate(series(metrics.BILLED_CHARACTERS, voice_model=voice_model), "1h"))
    price = f"{TERMS[voice_model].dollars_per_character:f}"
    return Query(f"{characters} * {price} * {_SECONDS_A_DAY}", voice_model)


_GATES: Final = Panel(
    "Gates and rules, with their limits",
    "Each criterion over each of its windows: the measured value, the limit, the attempts in the sample, and the "
    "verdict. Rates are judged by a confidence bound, so a value near its limit holds while the sample is small.",
    (
        Query(_latest(series(controller.GATE_VALUE), *_BY_CRITERION), "value"),
        Query(_latest(series(controller.GATE_LIMIT), *_BY_CRITERION), "limit"),
        Query(_latest(series(controller.GATE_SAMPLE), *_BY_CRITERION), "sample"),
        Query(_latest(series(controller.GATE_VERDICT), *_BY_CRITERION), "verdict"),
    ),
    kind="table",
    value_names={0: "pass", 1: "hold", 2: "fail", 3: "error"},
)

ROLLOUT_ROWS: Final = (
    Row("The plan's panels", PLAN_PANELS),
    Row(
        "Where the rollout is",
        (
            USE_BY_MODEL,
            Panel(
                "Percentage",
                "The percentage of users that get Chirp, as the workers know it. Workers that differ don't all follow.",
                (Query(series(metrics.ROLLOUT_PERCENTAGE), "{{instance}}"),),
                unit="percent",
                minimum=0,
                maximum=100,
                steps=True,
            ),
            Panel(
                "Stage",
                "The stages that the plan has been in; no bar: no plan runs.",
                (Query(_latest(series(controller.STAGE), "plan", "stage"), "{{plan}}: {{stage}}"),),
                kind="states",
            ),
            Panel(
                "Phase",
                "The phase of the plan. waiting: a person has to act.",
                (Query(_latest(series(controller.PHASE, phase=f"~{'|'.join(Phase)}"), "phase"), "{{phase}}"),),
                kind="states",
            ),
            Panel(
                "Which worker follows which revision",
                "The revision that each worker decides by. A line that stays below the others: its worker can't read "
                "the topic, and decides by an old state.",
                (Query(series(metrics.ROLLOUT_REVISION), "{{instance}}"),),
                minimum=0,
                steps=True,
            ),
            Panel(
                "Age of the rollout's state",
                "Seconds since each worker knew its state to be current.",
                (Query(series(metrics.ROLLOUT_AGE), "{{instance}}"),),
                unit="s",
                minimum=0,
            ),
        ),
    ),
    Row(
        "Gates",
        (
            _GATES,
            Panel(
                "Gates by the share of their limits",
                "What was measured, divided by its limit: 100 % is the limit. Of a rate the confidence bound decides, "
                "not the value. Without the cache hit rate, whose limit is a least value.",
                (
                    Query(
                        f"{_of_all_characters(controller.GATE_VALUE)} / {_of_all_characters(controller.GATE_LIMIT)}",
                        _GATE_LABELS,
                    ),
                ),
                unit="percentunit",
                minimum=0,
            ),
            Panel(
                "What a promotion waits for",
                "A bar while the thing is missing.",
                (Query(_latest(series(controller.WAITS_FOR), "what", "which"), "{{what}} {{which}}"),),
                kind="states",
            ),
            Panel(
                "Last evaluation",
                "Seconds since a controller evaluated the stage. Minutes: nobody promotes or rolls back.",
                (Query(f"time() - max({series(controller.JUDGED_AT)} > 0)", "since the last round"),),
                unit="s",
                minimum=0,
            ),
        ),
        width=12,
    ),
    Row(
        "Controllers",
        (
            Panel(
                "Controllers that lead",
                "1 is right. 0: nobody promotes or rolls back; 2 for long: two controllers lead.",
                (Query(total(series(controller.LEADS)), "leading"),),
                minimum=0,
                steps=True,
            ),
            Panel(
                "Changes by the controllers",
                "How many each controller has made, by kind. turned off, stepped back, quarantined: roll-backs.",
                (Query(total(series(controller.TRANSITIONS_MADE), "kind"), "{{kind}}"),),
                minimum=0,
                steps=True,
            ),
            Panel(
                "Time served in the stage",
                "Pauses don't count. Longer than the stage's least time: something holds the plan.",
                (Query(f"max({series(controller.STAGE_SERVED)})", "served"),),
                unit="s",
                minimum=0,
            ),
            Panel(
                "Attempts that weren't counted, messages that weren't sent",
                "late: published too late; repeated: counted already, of jobs that were tried again; messages wait for "
                "a webhook, by audience.",
                (
                    Query(f"max({series(controller.LATE_ATTEMPTS)})", "late attempts"),
                    Query(f"max({series(controller.REPEATED_ATTEMPTS)})", "repeated attempts"),
                    Query(f"max by (audience) ({series(controller.UNSENT_MESSAGES)})", "messages to {{audience}}"),
                ),
                minimum=0,
            ),
            Panel(
                "What players and listeners say",
                "counted: reports for or against an arm; same user: once a day; unknown: about no completion that is "
                "known. Votes on blind pairs, those that count and those that don't.",
                (
                    Query(f"max by (outcome) ({series(controller.FEEDBACK)})", "reports {{outcome}}"),
                    Query(f"max by (outcome) ({series(controller.VOTES)})", "votes {{outcome}}"),
                ),
                minimum=0,
            ),
            Panel(
                "Records that the controller can't read",
                "By what their topic holds. Of feedback: a game server sends something else.",
                (Query(f"max by (topic) ({series(controller.UNREADABLE)})", "{{topic}}"),),
                minimum=0,
            ),
            Panel(
                "How far the controller lags behind",
                "Seconds by which its knowledge of attempts and feedback may be old; gates and rules wait for it.",
                (Query(series(controller.READ_AGE), "{{instance}}"),),
                unit="s",
                minimum=0,
            ),
        ),
        width=12,
    ),
    Row(
        "Money",
        (
            Panel(
                "Money a day by voice model",
                "What a day costs at the speed of the last hour, by Google's list prices and without the free tier.",
                tuple(_dollars_a_day(voice_model) for voice_model in VoiceModel),
                unit="currencyUSD",
                minimum=0,
                stacked=True,
            ),
            Panel(
                "Billed characters a second",
                "Characters that Google bills.",
                (Query(total(rate(series(metrics.BILLED_CHARACTERS)), "voice_model"), "{{voice_model}}"),),
                minimum=0,
            ),
        ),
        width=12,
    ),
)
"""The rows of the dashboard of the rollout."""
