"""The panels of the workers: latency, lag, quota, circuit, retries, dead letters, dependencies."""

from typing import Final

from monitoring.panel import Panel, Query, Row
from monitoring.promql import quantile, rate, series, total
from schemas.enums import VoiceModel
from worker.observability import metric_catalogue as metrics
from worker.observability import process_metric_catalogue as processes

_QUANTILES: Final = (0.5, 0.95, 0.99)


def _latency_histogram(voice_model: VoiceModel) -> Panel:
    buckets = series(metrics.SYNTHESIS_DURATION, "bucket", voice_model=voice_model)
    return Panel(
        f"Synthesis time of {voice_model}",
        "Calls a second by how long they took. The plan's limits, 2 s and 5 s, are borders of buckets.",
        (Query(total(rate(buckets), "le"), "{{le}}"),),
        unit="s",
        kind="heatmap",
    )


_LATENCY: Final = (
    *(_latency_histogram(voice_model) for voice_model in VoiceModel),
    Panel(
        "Synthesis time, quantiles",
        "Of the calls to Google, by voice model.",
        tuple(
            Query(quantile(share, metrics.SYNTHESIS_DURATION, "voice_model"), f"{{{{voice_model}}}} p{share * 100:g}")
            for share in _QUANTILES
        ),
        unit="s",
        minimum=0,
    ),
    Panel(
        "Time of a dialogue job by stage, 95 %",
        "wait: from the job's record to the start of its work; look_up: whether S3 has its take; quota: for Google's "
        "quota; speak: Google; store: S3; total: from the start of its work to its completion.",
        (Query(quantile(0.95, metrics.JOB_DURATION, "stage", lane="dialogue"), "{{stage}}"),),
        unit="s",
        minimum=0,
    ),
)

_STREAMS: Final = (
    Panel(
        "First audio of a stream, quantiles",
        "From the start of the work on a job with `stream` to its first chunk. streamed: by Google's stream; whole: "
        "cut from a whole answer, of WaveNet or of a line that can't be streamed; stored: from the store.",
        tuple(
            Query(quantile(share, metrics.FIRST_AUDIO, "source"), f"{{{{source}}}} p{share * 100:g}")
            for share in _QUANTILES
        ),
        unit="s",
        minimum=0,
    ),
    Panel(
        "Streams by outcome",
        "failed: before any audio; broken: players heard the line break off; lost: Kafka didn't take all chunks.",
        (Query(total(rate(series(metrics.STREAMS)), "outcome"), "{{outcome}}"),),
        unit="reqps",
        minimum=0,
    ),
)

_LANES: Final = (
    Panel(
        "Lag by lane",
        "Unfinished records of all workers.",
        (Query(total(series(metrics.CONSUMER_LAG), "lane"), "{{lane}}"),),
        minimum=0,
    ),
    Panel(
        "Age of the oldest unfinished job by lane",
        "Of the jobs that were taken. A line that rises by a second a second: a job is stuck.",
        (Query(f"max by (lane) ({series(metrics.OLDEST_UNFINISHED)})", "{{lane}}"),),
        unit="s",
        minimum=0,
    ),
    Panel(
        "Age of the oldest unstarted job by lane",
        "Of the jobs that wait in Kafka for a slot. Dialogue above some seconds: more workers are needed, unless they "
        "wait for Google, the store or Kafka.",
        (Query(f"max by (lane) ({series(metrics.OLDEST_UNSTARTED)})", "{{lane}}"),),
        unit="s",
        minimum=0,
    ),
    Panel(
        "Jobs in flight",
        "By lane and worker. At MAX_IN_FLIGHT the worker is full.",
        (Query(series(metrics.JOBS_IN_FLIGHT), "{{lane}} {{instance}}"),),
        minimum=0,
    ),
    Panel(
        "Jobs a second by outcome",
        "retried: tried again after a delay; rejected: the record was no job.",
        (Query(total(rate(series(metrics.JOBS)), "lane", "outcome"), "{{lane}} {{outcome}}"),),
        unit="reqps",
        minimum=0,
    ),
    Panel(
        "Retries",
        "Jobs a second that failed and are tried again, by lane.",
        (Query(total(rate(series(metrics.JOBS, outcome="retried")), "lane"), "{{lane}}"),),
        unit="reqps",
        minimum=0,
    ),
    Panel(
        "Dead letters by reason",
        "Jobs a second that were given up, in both lanes.",
        (Query(total(rate(series(metrics.DEAD_LETTERS)), "reason"), "{{reason}}"),),
        unit="reqps",
        minimum=0,
    ),
    Panel(
        "Cancellations",
        "Jobs a second that ended as cancelled, and records of tts.cancellations that a worker can't read.",
        (
            Query(total(rate(series(metrics.JOBS, outcome="cancelled")), "lane"), "{{lane}} cancelled"),
            Query(f"max({rate(series(metrics.CANCELLATIONS, outcome='unreadable'))})", "unreadable"),
        ),
        unit="reqps",
        minimum=0,
    ),
    Panel(
        "Age of the known cancellations",
        "Seconds since Kafka answered the reader of each worker; below 1 s while it does.",
        (Query(series(metrics.CANCELLATIONS_AGE), "{{instance}}"),),
        unit="s",
        minimum=0,
    ),
    Panel(
        "Paused lanes and lost records",
        "1 while a lane is paused, since nearly all of its records are invalid; and records that Kafka deleted before "
        "a worker took them.",
        (
            Query(f"max by (lane) ({series(metrics.LANE_PAUSED)})", "{{lane}} paused"),
            Query(total(series(metrics.RECORDS_LOST), "lane"), "{{lane}} lost"),
        ),
        minimum=0,
    ),
)

_GOOGLE: Final = (
    Panel(
        "Requests to Google by code",
        "RESOURCE_EXHAUSTED: the quota is too small, or others use it.",
        (Query(f"{total(rate(series(metrics.GOOGLE_CALLS)), 'voice_model', 'code')} > 0", "{{voice_model}} {{code}}"),),
        unit="reqps",
        minimum=0,
    ),
    Panel(
        "Quota, requests a minute",
        "What the workers may send together (limit), and what they send.",
        (
            Query(total(series(metrics.QUOTA_LIMIT), "voice_model"), "{{voice_model}} limit"),
            Query(f"{total(rate(series(metrics.GOOGLE_CALLS)), 'voice_model')} * 60", "{{voice_model}} sent"),
        ),
        minimum=0,
    ),
    Panel(
        "Requests for quota by decision",
        "waited: the quota limits the speed of batch; refused: dialogue falls back.",
        (
            Query(
                total(rate(series(metrics.QUOTA_DECISIONS)), "lane", "voice_model", "decision"),
                "{{lane}} {{voice_model}} {{decision}}",
            ),
        ),
        unit="reqps",
        minimum=0,
    ),
    Panel(
        "Wait for quota, 95 %",
        "Seconds that a request waited, granted or not.",
        (Query(quantile(0.95, metrics.QUOTA_WAIT, "lane", "voice_model"), "{{lane}} {{voice_model}}"),),
        unit="s",
        minimum=0,
    ),
    Panel(
        "Circuit",
        "0 closed, 1 half-open, 2 open: Chirp's jobs go straight to WaveNet. Each worker has its own.",
        (Query(series(metrics.CIRCUIT_STATE), "{{voice_model}} {{instance}}"),),
        minimum=0,
        maximum=2,
        steps=True,
    ),
    Panel(
        "Requests that may be under way",
        "The limit of each worker; it falls while Google is slow.",
        (Query(series(metrics.CONCURRENCY_LIMIT), "{{voice_model}} {{instance}}"),),
        minimum=0,
    ),
    Panel(
        "Fallbacks by reason",
        "Failed Chirp attempts a second after which WaveNet answered, and jobs that went there at once since Chirp "
        "would have missed their deadline.",
        (
            Query(total(rate(series(metrics.FALLBACK)), "error_type"), "{{error_type}}"),
            Query(total(rate(series(metrics.EARLY_FALLBACK))), "deadline too near"),
        ),
        unit="reqps",
        minimum=0,
    ),
    Panel(
        "Audio that failed a check",
        "Answers of Google a second, by check.",
        (Query(total(rate(series(metrics.AUDIO_FAULTS)), "check", "action"), "{{check}} {{action}}"),),
        unit="reqps",
        minimum=0,
    ),
)

_DEPENDENCIES: Final = (
    Panel(
        "Dependencies that are down",
        "1 while a worker takes no jobs because of it.",
        (
            Query(series(metrics.DEPENDENCY_DOWN), "{{dependency}} {{instance}}"),
            Query(f"max({series(metrics.GOOGLE_DENIED)})", "Google denies"),
        ),
        minimum=0,
        maximum=1,
        steps=True,
    ),
    Panel(
        "Seconds of audio made a second",
        "By voice model.",
        (Query(total(rate(series(metrics.AUDIO_SECONDS)), "voice_model"), "{{voice_model}}"),),
        minimum=0,
    ),
)

_PROCESSES: Final = (
    Panel(
        "Processes that answer",
        "Of each parent (run --processes). Below the number that it keeps running: one starts, hangs, or ended.",
        (
            Query(series(processes.PROCESSES_ANSWERING), "{{instance}}"),
            Query(series(processes.PROCESSES_WANTED), "{{instance}}, wanted"),
        ),
        minimum=0,
        steps=True,
    ),
    Panel(
        "Processes that were started again",
        "In an hour, by their parent. The log's process_restarts has the exit codes.",
        (Query(f"increase({series(processes.PROCESS_RESTARTS)}[1h])", "{{instance}}"),),
        minimum=0,
    ),
)

WORKER_ROWS: Final = (
    Row("Latency", _LATENCY, width=12),
    Row("Streams", _STREAMS, width=12),
    Row("Lanes", _LANES),
    Row("Google", _GOOGLE),
    Row("Dependencies", _DEPENDENCIES, width=12),
    Row("Processes", _PROCESSES, width=12),
)
"""The rows of the dashboard of the workers."""
