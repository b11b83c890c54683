"""The tables, as SQLAlchemy Core knows them; `migrations/` makes them, `docs/architecture.md` names their writers.

`project_id` is in every key and index, so that Postgres can be sharded by project.
"""

from enum import IntFlag

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID

from common.severities import Severity
from common.tables import alerts, budgets, rules, spending
from common.tables.columns import instant, metadata, owner

__all__ = [
    "RELEASES_MAX",
    "Adjustment",
    "Severity",
    "alerts",
    "api_keys",
    "arrivals",
    "budgets",
    "decisions",
    "deltas",
    "early_days",
    "errors",
    "facets",
    "feedback",
    "fingerprints",
    "job_runs",
    "key_uses",
    "metadata",
    "patterns",
    "pins",
    "projects",
    "releases",
    "rollups",
    "rules",
    "sender_losses",
    "sessions",
    "sightings",
    "snapshots",
    "spending",
    "transitions",
]


RELEASES_MAX = 1_000  # that are remembered of a project: the ones that were seen last


class Adjustment(IntFlag):
    """What was changed about an error to make it storable, as stored in `errors.adjustments`."""

    truncated = 1  # message, stack trace, context or tags were longer, deeper or had more keys than their limit
    retimed = 2  # its time was missing, too old or in the future: the server's was taken
    cleaned = 4  # it held what JSON or Postgres cannot keep: NUL, lone surrogates, broken UTF-8, NaN, 1e400, 301 digits
    redacted = 8  # secrets were taken out
    sampled = 16  # too many of its like came at once: stored and counted, but without trace, context and tags
    normalized = 32  # a field was written otherwise: ERROR for error, 7 for "7" as a tag, "" for no release


projects = sa.Table(
    "projects",
    metadata,
    owner(),
    sa.Column("name", sa.Text, nullable=False),
    instant("created_at"),
    # what a DSN calls the project: always Postgres' own, so unique without a constraint that would lack project_id
    sa.Column("number", sa.Integer, sa.Identity(always=True), nullable=False),
    instant("deletion_began_at", nullable=True),  # its keys have ended, and the worker deletes what it has
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    owner(),
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("secret_sha256", sa.LargeBinary, nullable=False),
    instant("created_at"),
    instant("revoked_at", nullable=True),
    instant("expires_at", nullable=True),
    sa.Column("dsn_key_sha256", sa.LargeBinary),  # of ingest keys alone (common/keys.py)
    sa.ForeignKeyConstraint(["project_id"], ["projects.project_id"]),
    sa.Index("api_keys_key_id_idx", "key_id"),
    sa.Index("api_keys_dsn_key_sha256_idx", "dsn_key_sha256"),
)

key_uses = sa.Table(
    "key_uses",
    metadata,
    owner(),
    sa.Column("key_id", sa.Text, primary_key=True),
    instant("used_at"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    owner(),
    sa.Column("token_sha256", sa.LargeBinary, primary_key=True),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("is_link", sa.Boolean, nullable=False),
    instant("created_at"),
    instant("expires_at"),
    comment="Who is signed in on the page, and links that sign in once; each ends with its key.",
)

errors = sa.Table(
    "errors",
    metadata,
    owner(),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("event_id", UUID(as_uuid=True), primary_key=True),
    instant("occurred_at"),
    instant("received_at"),
    sa.Column("fingerprint", sa.BigInteger, nullable=False),
    sa.Column("severity", sa.SmallInteger, nullable=False),
    sa.Column("adjustments", sa.SmallInteger, nullable=False),
    sa.Column("redactions", sa.SmallInteger, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("environment", sa.Text),
    sa.Column("release", sa.Text),
    sa.Column("error_type", sa.Text),
    sa.Column("client_fingerprint", sa.Text),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("stack_trace", sa.Text),
    sa.Column("context", JSONB),  # written by releases before 0010_json_texts alone, as tags
    sa.Column("tags", JSONB),
    sa.Column("context_text", sa.Text),  # JSON that the API has read: Postgres need not (docs/decisions/0021)
    sa.Column("tags_text", sa.Text),
    sa.Index("errors_project_id_occurred_at_idx", "project_id", "occurred_at"),
    sa.Index("errors_project_id_fingerprint_occurred_at_idx", "project_id", "fingerprint", "occurred_at"),
    postgresql_partition_by="RANGE (day)",
)

early_days = sa.Table(
    "early_days",
    metadata,
    owner(),
    sa.Column("day", sa.Date, primary_key=True),
    instant("noted_at"),
    comment="Days of which errors were stored before they began: their time was ahead, and they got the server's.",
)

feedback = sa.Table(
    "feedback",
    metadata,
    owner(),
    sa.Column("event_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("feedback_id", UUID(as_uuid=True), primary_key=True),
    instant("received_at"),
    sa.Column("name", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("url", sa.Text),
    sa.Column("message", sa.Text, nullable=False),
)

sender_losses = sa.Table(
    "sender_losses",
    metadata,
    owner(),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("category", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)

deltas = sa.Table(
    "deltas",
    metadata,
    owner(),
    sa.Column("flush_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    instant("bucket"),
    sa.Column("fingerprint", sa.BigInteger, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("severity", sa.SmallInteger, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    instant("first_seen"),
    instant("last_seen"),
    sa.Column("written_at", TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("traceparent", sa.Text),
    sa.Column("release", sa.Text),  # null also where the API of a release before 0012_delta_release wrote
)

rollups = sa.Table(
    "rollups",
    metadata,
    owner(),
    sa.Column("bucket", TIMESTAMP(timezone=True), primary_key=True),
    sa.Column("fingerprint", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("severity", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Index("rollups_project_id_fingerprint_bucket_idx", "project_id", "fingerprint", "bucket"),
)

hourly_rollups = sa.Table(
    "hourly_rollups",
    metadata,
    owner(),
    sa.Column("hour", TIMESTAMP(timezone=True), primary_key=True),
    sa.Column("fingerprint", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("severity", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Index("hourly_rollups_project_id_fingerprint_hour_idx", "project_id", "fingerprint", "hour"),
)

facets = sa.Table(
    "facets",
    metadata,
    owner(),
    sa.Column("facet", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    instant("last_seen"),
    sa.CheckConstraint("facet IN ('service', 'environment')", name="facet"),
)

fingerprints = sa.Table(
    "fingerprints",
    metadata,
    owner(),
    sa.Column("fingerprint", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.SmallInteger, nullable=False),
    sa.Column("grouped_by", sa.Text, nullable=False),
    sa.Column("error_type", sa.Text),
    sa.Column("skeleton", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("pattern_id", UUID(as_uuid=True), nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    instant("first_seen"),
    instant("last_seen"),
    # by Postgres' clock, as decisions are: when the newest error was written, and how many were since a moment
    instant("received_at", nullable=True),
    instant("since", nullable=True),
    sa.Column("since_count", sa.BigInteger),
    sa.Index("fingerprints_project_id_pattern_id_idx", "project_id", "pattern_id"),
)

patterns = sa.Table(
    "patterns",
    metadata,
    owner(),
    sa.Column("pattern_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("grouped_by", sa.Text, nullable=False),
    sa.Column("error_type", sa.Text),
    sa.Column("trend", sa.Text, nullable=False),
    sa.Column("trend_facts", JSONB),
    sa.Column("incident_id", UUID(as_uuid=True)),
    instant("regressed_at", nullable=True),
    instant("first_seen"),
    instant("last_seen"),
)

arrivals = sa.Table(
    "arrivals",
    metadata,
    owner(),
    instant("came_at", nullable=True),
    instant("rests_until"),
)

pattern_moves = sa.Table(
    "pattern_moves",
    metadata,
    owner(),
    sa.Column("pattern_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("moved_to", UUID(as_uuid=True), nullable=False),
    instant("moved_at"),
    sa.Index("pattern_moves_project_id_moved_to_idx", "project_id", "moved_to"),
)

decisions = sa.Table(
    "decisions",
    metadata,
    owner(),
    sa.Column("pattern_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("decision", sa.Text, nullable=False),
    instant("decided_at"),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("known_releases", ARRAY(sa.Text)),
    instant("until", nullable=True),
    sa.Column("until_count", sa.BigInteger),  # as releases before 0014_releases read it: of all errors
    sa.Column("note", sa.Text),
    sa.Column("until_more", sa.BigInteger),
    sa.Column("fixed_in", sa.Text),
    sa.Column("release_order", sa.Text),
    sa.CheckConstraint("decision IN ('open', 'resolved', 'ignored')", name="decision"),
)

transitions = sa.Table(
    "transitions",
    metadata,
    owner(),
    sa.Column("transition_id", UUID(as_uuid=True), primary_key=True),
    instant("happened_at"),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("subject_id", UUID(as_uuid=True), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text),
    sa.Column("facts", JSONB),
    sa.Index("transitions_project_id_subject_id_happened_at_idx", "project_id", "subject_id", "happened_at"),
    sa.Index("transitions_project_id_happened_at_idx", "project_id", "happened_at"),
    comment="Changes of state, each written in the transaction that makes it true.",
)

releases = sa.Table(
    "releases",
    metadata,
    owner(),
    sa.Column("release", sa.Text, primary_key=True),
    instant("first_seen"),
    instant("last_seen"),
)

sightings = sa.Table(
    "sightings",
    metadata,
    owner(),
    sa.Column("fingerprint", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("release", sa.Text, primary_key=True),
    instant("received_at"),
)

pins = sa.Table(
    "pins",
    metadata,
    owner(),
    sa.Column("fingerprint", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("pattern_id", UUID(as_uuid=True), nullable=False),
    instant("pinned_at"),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    owner(),
    sa.Column("window_hours", sa.SmallInteger, primary_key=True, autoincrement=False),
    instant("computed_at"),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

job_runs = sa.Table(
    "job_runs",
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    instant("started_at"),
    instant("finished_at", nullable=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    instant("succeeded_at", nullable=True),
    comment="One row a job of the worker; it belongs to no project.",
)
