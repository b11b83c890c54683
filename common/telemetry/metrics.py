"""Every metric of Mayday, declared once; docs/metrics.md is made from here.

No label names a project, a key or a person: who may see these numbers may not therefore know who uses Mayday.
"""

from common.telemetry.declaring import Catalog, Few

REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
FLUSH_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
FLUSH_ITEMS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
JOB_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120)

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS")
ROUTES = Few("path template of the route; `none` where there is no such route", at_most=100)
STATUSES = Few("HTTP status; 0 where the client went away", at_most=50)
JOBS = Few("name of the job (`job` is what Prometheus calls the program that it asks)", at_most=20)
KINDS = ("errors", "usage")
RECEIVERS = ("sentry", "otlp", "shipper")

# Why senders lose what they had, in the words of Sentry's SDKs; `refused`: what was sent and answered 429 or 503.
LOSS_REASONS = (
    "refused",
    "ratelimit_backoff",
    "ratelimit",
    "queue_overflow",
    "buffer_overflow",
    "cache_overflow",
    "network_error",
    "send_error",
    "sample_rate",
    "sampled",
    "filtered",
    "before_send",
    "event_processor",
    "ignored",
    "invalid",
    "backpressure",
    "internal_sdk_error",
    "no_parent_span",
    "unknown",
)
LOSS_CATEGORIES = (
    *("error", "default", "security", "transaction", "span", "session", "attachment", "profile", "profile_chunk"),
    *("replay", "monitor", "feedback", "user_report", "log_item", "log_byte", "metric_bucket", "trace_metric"),
    *("trace_metric_byte", "internal", "unknown"),
)

CATALOG = Catalog()

# requests
REQUESTS = CATALOG.counter(
    "mayday_requests_total",
    "Requests that ended, by who answered: the connection itself (the fast lane), or the routes.",
    "api",
    method=METHODS,
    route=ROUTES,
    status=STATUSES,
    way=("lane", "routes"),
)
REQUEST_DURATION = CATALOG.histogram(
    "mayday_request_seconds",
    "Time from a request's head to the end of its answer.",
    "api",
    buckets=REQUEST_SECONDS,
    method=METHODS,
    route=ROUTES,
)
BODY_BYTES = CATALOG.counter(
    "mayday_request_body_bytes_total", "Bytes of request bodies.", "api", form=("sent", "unpacked")
)
LIMITED = CATALOG.counter(
    "mayday_requests_limited_total",
    "Requests that were answered 429, by the policy that was used up.",
    "api",
    policy=("key", "project", "errors", "bytes"),
)

# ingest
ITEMS = CATALOG.counter(
    "mayday_items_total",
    "Errors and usage records that were sent, by what became of them. A usage record whose key is stored has replaced it, or "
    "differs and was not stored.",
    "api",
    kind=KINDS,
    outcome=("stored", "duplicate", "rejected", "replaced", "differs"),
)
DISCARDED = CATALOG.counter(
    "mayday_items_discarded_total",
    "What receivers were sent and do not keep, by its kind: transactions, sessions, metrics, records below the level.",
    "api",
    receiver=RECEIVERS,
    what=Few("kind of item, as its protocol calls it", at_most=50),
)
SENDER_LOSSES = CATALOG.counter(
    "mayday_sender_losses_total",
    "What senders lost, by the reason that their SDK reports; `refused` is what was answered 429 or 503 and that an SDK does "
    "not send again.",
    "api",
    reason=LOSS_REASONS,
    category=LOSS_CATEGORIES,
)
REJECTIONS = CATALOG.counter(
    "mayday_items_rejected_total",
    "Those that were rejected, by the reason that the answer gives; unstorable is what Postgres cannot hold.",
    "api",
    kind=KINDS,
    reason=("missing_field", "unknown_field", "not_an_object", "invalid_field", "not_json", "unstorable"),
)
ADJUSTMENTS = CATALOG.counter(
    "mayday_errors_adjusted_total",
    "Errors that were changed to make them storable, by what was done.",
    "api",
    adjustment=("truncated", "retimed", "cleaned", "redacted", "sampled", "normalized"),
)
REDACTIONS = CATALOG.counter("mayday_redactions_total", "Secrets that were taken out of errors.", "api")
FLUSHES = CATALOG.histogram(
    "mayday_flush_seconds",
    "Time of one flush, from its statement to its commit, repeats included.",
    "api",
    buckets=FLUSH_SECONDS,
    kind=KINDS,
    outcome=("stored", "failed"),
)
FLUSHED_ITEMS = CATALOG.histogram(
    "mayday_flush_items", "Errors or usage records in one flush.", "api", buckets=FLUSH_ITEMS, kind=KINDS
)
BUFFER_ITEMS = CATALOG.gauge(
    "mayday_buffer_items",
    "Errors or usage records that wait for their commit.",
    "api",
    over_processes="livesum",
    kind=KINDS,
)
BUFFER_BYTES = CATALOG.gauge(
    "mayday_buffer_bytes", "Bytes of what waits for its commit.", "api", over_processes="livesum", kind=KINDS
)
BUFFER_SHARE = CATALOG.gauge(
    "mayday_buffer_share",
    "How full the fullest buffer of a process is, from 0 to 1, by number or bytes; a full one answers 503.",
    "api",
    over_processes="livemax",
    kind=KINDS,
)

# reads
READS = CATALOG.counter(
    "mayday_reads_total",
    "Answers of the read side by where they came from: hit and stale from memory or Redis, miss and bypass from "
    "Postgres (bypass while Redis is away).",
    "api",
    answer=Few("which answer: recent, patterns, pattern...", at_most=30),
    source=("hit", "stale", "miss", "bypass"),
)
CACHE_CALLS = CATALOG.counter(
    "mayday_cache_calls_failed_total",
    "Calls to Redis that failed, were left out for a moment after one had failed, or found what does not belong there.",
    "api",
    "worker",
    reason=("failed", "left_alone", "broken"),
)

# the service as a whole, told by the API so that it is told without a worker
FOLDED_UNTIL = CATALOG.gauge(
    "mayday_folded_until_timestamp_seconds",
    "Everything that was written before is counted: when the oldest delta that waits was written, now where none does.",
    "api",
    over_processes="livemax",
)
JOB_LAST_SUCCESS = CATALOG.gauge(
    "mayday_job_last_success_timestamp_seconds",
    "When the job last ended well; the start of the API where it never did.",
    "api",
    over_processes="livemax",
    job_name=JOBS,
)
JOB_LATE_AFTER = CATALOG.gauge(
    "mayday_job_late_after_seconds",
    "The age of the last success, at the moment of a scrape, from which on the job is late for certain: "
    "`MAYDAY_LATE_AFTER_PERIODS`, and the time from one look of the API to the next.",
    "api",
    over_processes="livemax",
    job_name=JOBS,
)
PARTITIONS_AHEAD = CATALOG.gauge(
    "mayday_partitions_ahead_days", "Days to come that have their partition.", "api", over_processes="livemax"
)
ROWS_WITHOUT_DAY = CATALOG.gauge(
    "mayday_default_partition_rows",
    "Errors that found no partition of their day, counted as far as 10,000.",
    "api",
    over_processes="livemax",
)
DATABASE_BYTES = CATALOG.gauge(
    "mayday_database_bytes", "Bytes of the whole database on disk.", "api", over_processes="livemax"
)

# Postgres
CLOCK_OFF = CATALOG.gauge(
    "mayday_clock_off_seconds",
    "How far the clock of the program's machine is from that of Postgres, which is the one that counts, either way.",
    "api",
    "worker",
    over_processes="livemax",
)
READ_REPLICA_BEHIND = CATALOG.gauge(
    "mayday_read_replica_behind_seconds",
    "For how long the standby of MAYDAY_READ_DATABASE_URL lacks something that the primary has; infinite while it does not "
    "answer. 0 where there is none.",
    "api",
    over_processes="livemax",
)
POOL_IN_USE = CATALOG.gauge(
    "mayday_pool_connections_in_use",
    "Connections to Postgres that are in use.",
    "api",
    "worker",
    over_processes="livesum",
    pool=Few("api_reads, api_replica, api (all else), writer_errors, writer_usage, worker", at_most=10),
)
POOL_SIZE = CATALOG.gauge(
    "mayday_pool_connections_max",
    "Connections to Postgres that the pool may have.",
    "api",
    "worker",
    over_processes="livesum",
    pool=Few("api_reads, api_replica, api (all else), writer_errors, writer_usage, worker", at_most=10),
)

# jobs
JOB_RUNS = CATALOG.counter(
    "mayday_job_runs_total",
    "Triggers of jobs by what became of them: done, failed, busy (another run has the guard), recent (one ended a "
    "moment ago).",
    "worker",
    job_name=JOBS,
    outcome=("done", "failed", "busy", "recent"),
)
JOB_DURATION = CATALOG.histogram(
    "mayday_job_seconds", "Time of a job's run, done or failed.", "worker", buckets=JOB_SECONDS, job_name=JOBS
)
CROSSINGS = CATALOG.counter(
    "mayday_budget_crossings_total",
    "Thresholds that budgets crossed, by the level that each leads to; which budget is in the log (`budget_crossed`).",
    "worker",
    level=("warn", "critical", "exceeded"),
)
NOTIFICATIONS = CATALOG.counter(
    "mayday_notifications_total",
    "Messages of alerts by what became of a try: sent, failed (it is tried again), dead (given up), muted, held (beyond what "
    "the channel may get in an hour).",
    "worker",
    outcome=("sent", "failed", "dead", "muted", "held"),
)
NOTIFICATION_DELAY = CATALOG.histogram(
    "mayday_notification_seconds",
    "From when a message of an alert was due to when its receiver had taken it.",
    "worker",
    buckets=(0.5, 1, 2, 5, 15, 60, 300, 1_800, 7_200, 86_400),
)
FOLDED_DELTAS = CATALOG.counter("mayday_deltas_folded_total", "Deltas that became rollups.", "worker")
OVERFLOW_USAGE = CATALOG.counter(
    "mayday_overflow_usage_total",
    "Usage records that are summed up under an overflow, since their project has as many teams, agents or models as it "
    "may; which project is in the log (`usage_overflow`).",
    "api",
    kind=("team", "agent", "model"),
)
NOT_UNDERSTOOD = CATALOG.counter(
    "mayday_usage_not_understood_total",
    "What usage objects said that may be money and is in no price, since nobody here knows what it means; the answer "
    "names it in `adjusted`.",
    "api",
    about=("cache", "tier", "tool", "modality", "tokens", "other"),
)
OVERFLOW_ERRORS = CATALOG.counter(
    "mayday_overflow_errors_total",
    "Errors that count under an overflow, since their project has as many fingerprints, services or environments as "
    "it may; which project is in the log (`overflow`).",
    "worker",
    kind=("fingerprints", "services", "environments"),
)
QUEUE_LOSSES = CATALOG.counter(
    "mayday_queue_losses_total", "Times that the queue's Redis went away; jobs then run without it.", "worker"
)
