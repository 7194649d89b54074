"""The one catalogue of the worker's metrics, by topic; each help text says what a high value means."""

from typing import Final

from schemas.audio_stream import AudioSource
from schemas.enums import (
    PROBLEM_CLASSES,
    AttemptResult,
    AudioFault,
    FailureClass,
    VoiceModel,
)
from worker.observability.metric_definition import (
    CounterDefinition,
    Definition,
    GaugeDefinition,
    HistogramDefinition,
    Label,
)
from worker.observability.metric_labels import (
    ALL_VOICE_MODELS,
    CHARACTER,
    CHECK_ACTIONS,
    CODES,
    DEPENDENCIES,
    LANE,
    OUTCOMES,
    QUOTA_BUCKETS,
    STAGE_BUCKETS,
    STAGES,
    SYNTHESIS_BUCKETS,
    VOICE_MODEL,
    QuotaDecision,
    StreamOutcome,
)

# Synthesis: attempts, fallbacks, calls to Google.

SYNTHESIS: Final = CounterDefinition(
    "tts_synthesis",
    "Attempts by voice model, character and status (success, error). "
    "High: many lines are spoken; many errors: a voice model fails, or its quota is used up.",
    (VOICE_MODEL, CHARACTER, Label("status", tuple(AttemptResult))),
)
SYNTHESIS_DURATION: Final = HistogramDefinition(
    "tts_synthesis_duration_seconds",
    "Seconds per attempt, of calls to Google alone. High: Google is slow for this voice model.",
    (VOICE_MODEL, CHARACTER),
    buckets=SYNTHESIS_BUCKETS,
)
FALLBACK: Final = CounterDefinition(
    "tts_chirp3_fallback",
    "Failed Chirp attempts that were followed by a request to WaveNet. High: players get the old voices; "
    "error_type has the reason.",
    (CHARACTER, Label("error_type", tuple(FailureClass))),
)
EARLY_FALLBACK: Final = CounterDefinition(
    "tts_chirp3_early_fallback",
    "Dialogue jobs that went to WaveNet without a request to Chirp, since Chirp would have missed their deadline. "
    "High: Chirp is slow, or deadlines are short.",
    (CHARACTER,),
)
GOOGLE_CALLS: Final = CounterDefinition(
    "tts_google_calls",
    "Requests to Google by voice model and gRPC code. High RESOURCE_EXHAUSTED: the quota is too small.",
    (VOICE_MODEL, Label("code", CODES)),
)
BILLED_CHARACTERS: Final = CounterDefinition(
    "tts_billed_characters",
    "Characters that Google bills, by voice model. High: the month's bill will be high, it is made of these.",
    (VOICE_MODEL,),
)
AUDIO_SECONDS: Final = CounterDefinition(
    "tts_audio_seconds",
    "Seconds of audio that Google returned, by voice model. High: much audio was made, not merely requested.",
    (VOICE_MODEL,),
)

FIRST_AUDIO: Final = HistogramDefinition(
    "tts_stream_first_audio_seconds",
    "Seconds from the start of the work on a job with `stream` to its first chunk, by where that comes from: Google's "
    "stream, a whole answer, or the store. High: players wait; much of whole: lines can't be streamed, or WaveNet "
    "speaks them.",
    (Label("source", tuple(AudioSource)),),
    buckets=SYNTHESIS_BUCKETS,
)
STREAMS: Final = CounterDefinition(
    "tts_streams",
    "Streams by outcome: done, failed before any audio, broken after some, or lost since Kafka didn't take all. High "
    "broken: players heard lines break off; look at Google's calls and the audio check.",
    (Label("outcome", tuple(StreamOutcome)),),
)
AUDIO_FAULTS: Final = CounterDefinition(
    "tts_audio_faults",
    "Answers of Google that failed an audio check, by voice model, check and action: reject, or warn where its "
    "AUDIO_CHECK_* says so. High: Google answers with broken audio, or the check is too strict.",
    (VOICE_MODEL, Label("check", tuple(AudioFault)), Label("action", CHECK_ACTIONS)),
)

# Jobs.

JOBS: Final = CounterDefinition(
    "tts_jobs",
    "Tries of jobs by lane and outcome (done, failed, expired, cancelled, rejected, retried). High failed: look at "
    "the dead letters; high retried: Google or the store is failing.",
    (LANE, Label("outcome", OUTCOMES)),
)
DEAD_LETTERS: Final = CounterDefinition(
    "tts_dead_letters",
    "Dead letters by lane and reason (a failure class, bad_input, storage, internal). High: jobs are given up; "
    "`chirp-worker dead-letters stats` counts what is kept of them.",
    (LANE, Label("reason", PROBLEM_CLASSES)),
)
JOB_DURATION: Final = HistogramDefinition(
    "tts_job_duration_seconds",
    "Seconds of a job by lane and stage; wait is the time before the work. High wait: there are too few workers.",
    (LANE, Label("stage", STAGES)),
    buckets=STAGE_BUCKETS,
)
JOBS_IN_FLIGHT: Final = GaugeDefinition(
    "tts_jobs_in_flight",
    "Jobs that are being worked on, by lane. At MAX_IN_FLIGHT: the worker is full.",
    (LANE,),
    of_processes="sum",
)

# Storage.

CACHE_REQUESTS: Final = CounterDefinition(
    "tts_cache_requests",
    "Look-ups of stored takes by voice model and result (hit, miss); a take that another job was making at the time "
    "is a hit. Many hits: lines repeat and cost nothing.",
    (VOICE_MODEL, Label("result", ("hit", "miss"))),
)

# Kafka: consumer lag, offsets, lanes.

CONSUMER_LAG: Final = GaugeDefinition(
    "tts_consumer_lag",
    "Unfinished records by lane, of the partitions that this worker serves and of new ones that no worker serves yet: "
    "end of the log - committed - done above it. High: jobs arrive faster than they are finished.",
    (LANE,),
    of_processes="sum",
)
RECORDS_LOST: Final = CounterDefinition(
    "tts_records_lost",
    "Records, by lane, that Kafka deleted before a worker took them; offsets are counted, transactions' markers too. "
    "High, that is above 0: the topic's retention is shorter than the wait; the log names topic, partition, offsets.",
    (LANE,),
)
OLDEST_UNFINISHED: Final = GaugeDefinition(
    "tts_oldest_unfinished_job_age_seconds",
    "Age of the oldest job that was taken and isn't finished, by lane; 0 if there is none. High: a job is stuck.",
    (LANE,),
)
OLDEST_UNSTARTED: Final = GaugeDefinition(
    "tts_oldest_unstarted_job_age_seconds",
    "Age of the oldest job that waits in Kafka for a worker's slot, by lane, of the partitions that this worker "
    "serves, looked up every 2 s; 0 if none waits; retries don't count. High: there are too few workers, or they take "
    "no jobs.",
    (LANE,),
)
LANE_PAUSED: Final = GaugeDefinition(
    "tts_lane_paused",
    "1 while a lane is paused because nearly all of its records were invalid. High: their producer or this "
    "worker's version is wrong; `chirp-worker lane resume` ends the pause.",
    (LANE,),
)

# Rate limit and circuit breaker.

QUOTA_LIMIT: Final = GaugeDefinition(
    "tts_quota_requests_per_minute",
    "Rate limit of this worker in requests per minute, by voice model and for all together (all): its share of the "
    "quota, lower after a refusal by Google, +Inf without a limit. High: the worker has many partitions; low: it has "
    "few, or other clients use the quota.",
    (Label("voice_model", (*VoiceModel, ALL_VOICE_MODELS)),),
    from_start=False,
    of_processes="sum",
)
QUOTA_DECISIONS: Final = CounterDefinition(
    "tts_quota_decisions",
    "Requests for quota by lane, voice model and decision (granted, waited, refused). High waited: the quota limits "
    "the speed of batch; high refused: dialogue falls back because the quota is used up.",
    (LANE, VOICE_MODEL, Label("decision", tuple(QuotaDecision))),
)
QUOTA_WAIT: Final = HistogramDefinition(
    "tts_quota_wait_seconds",
    "Seconds that a request waited for quota, granted or not, by lane and voice model. High in batch: the quota limits "
    "its speed.",
    (LANE, VOICE_MODEL),
    buckets=QUOTA_BUCKETS,
)
CONCURRENCY_LIMIT: Final = GaugeDefinition(
    "tts_google_concurrency_limit",
    "Requests to Google that may be under way at once, by voice model; it falls while requests take more than half of "
    "their timeouts. High: Google answers in time; low: it is slow, and other requests wait for these.",
    (VOICE_MODEL,),
    from_start=False,
    of_processes="sum",
)
CIRCUIT_STATE: Final = GaugeDefinition(
    "tts_circuit_state",
    "State of a voice model's circuit breaker: 0 closed, 1 half-open (single jobs probe the voice model), 2 open. "
    "High: its jobs go straight to the fallback, since most of its last attempts failed.",
    (VOICE_MODEL,),
    from_start=False,
)

# Dependencies.

GOOGLE_DENIED: Final = GaugeDefinition(
    "tts_google_denied",
    "1 while Google denies WaveNet and the worker takes no jobs. High: correct the credentials, billing or IAM.",
)
DEPENDENCY_DOWN: Final = GaugeDefinition(
    "tts_dependency_down",
    "1 while a dependency (google, s3, kafka) is down and the worker takes no jobs. High: /readyz and the "
    "log have the reason.",
    (Label("dependency", DEPENDENCIES),),
)

# Files of certificates. A controller exports them too.

_CERTIFICATE_FILE: Final = (Label("file", ("kafka_certificate", "kafka_ca", "kafka_https_ca", "s3_ca")),)
CERTIFICATE_END: Final = GaugeDefinition(
    "tts_certificate_expiry_timestamp_seconds",
    "When a file's certificate ends, in seconds since 1970: of a client's certificate the first end in its chain, of "
    "authorities the last. High: there is time. In the past: new connections fail.",
    _CERTIFICATE_FILE,
    from_start=False,
    of_processes="min",
)
CERTIFICATE_LIFETIME: Final = GaugeDefinition(
    "tts_certificate_lifetime_seconds",
    "How long that certificate is valid in all. High: it is replaced rarely, by hand perhaps.",
    _CERTIFICATE_FILE,
    from_start=False,
)

# Rollout, as this worker knows it.

ROLLOUT_PERCENTAGE: Final = GaugeDefinition(
    "tts_rollout_percentage",
    "The rollout's percentage, 0 to 100; 0 while it is off. High: more users get Chirp.",
)
ROLLOUT_REVISION: Final = GaugeDefinition(
    "tts_rollout_revision",
    "The rollout revision that this worker decides by; 0 for the state from the environment variables. High: the "
    "rollout was changed often; if workers differ for long, some of them can't read the topic.",
    of_processes="min",
)
ROLLOUT_AGE: Final = GaugeDefinition(
    "tts_rollout_state_age_seconds",
    "Seconds since the rollout state was known to be current; 0 for the state from the environment variables. High: "
    "the topic can't be read, and changes don't reach this worker.",
)

# Cancellations, as this worker knows them.

CANCELLATIONS: Final = CounterDefinition(
    "tts_cancellations",
    "Records of the topic of cancellations by outcome: noted, or unreadable. Each worker reads all of them, those of "
    "the last week again when it starts. High unreadable: whoever sends them sends something else.",
    (Label("outcome", ("noted", "unreadable")),),
)
CANCELLATIONS_AGE: Final = GaugeDefinition(
    "tts_cancellations_age_seconds",
    "Seconds since Kafka last answered the worker's reader of cancellations. High: the topic can't be read, and jobs "
    "that were cancelled since then are spoken and paid for.",
)

ALL_METRICS: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Definition))
"""All of the above."""
