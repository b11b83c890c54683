"""The first tables, with partitions of `errors` for the days around today.

Expand first, contract in a later release: the programs of the release before must run on this schema.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deltas",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("flush_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_seen", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_seen", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("written_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "flush_id", "ordinal", name=op.f("deltas_pkey")),
    )
    op.create_table(
        "errors",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("adjustments", sa.SmallInteger(), nullable=False),
        sa.Column("redactions", sa.SmallInteger(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("release", sa.Text(), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("client_fingerprint", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("stack_trace", sa.Text(), nullable=True),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "day", "event_id", name=op.f("errors_pkey")),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index(
        "errors_project_id_fingerprint_occurred_at_idx",
        "errors",
        ["project_id", "fingerprint", "occurred_at"],
        unique=False,
    )
    op.create_index("errors_project_id_occurred_at_idx", "errors", ["project_id", "occurred_at"], unique=False)
    op.create_table(
        "fingerprints",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("grouped_by", sa.Text(), nullable=False),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("skeleton", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("pattern_id", sa.UUID(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_seen", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "fingerprint", name=op.f("fingerprints_pkey")),
    )
    op.create_index(
        "fingerprints_project_id_pattern_id_idx", "fingerprints", ["project_id", "pattern_id"], unique=False
    )
    op.create_table(
        "job_runs",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("job_runs_pkey")),
        comment="One row a job of the worker; it belongs to no project.",
    )
    op.create_table(
        "patterns",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("pattern_id", sa.UUID(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("grouped_by", sa.Text(), nullable=False),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("trend", sa.Text(), nullable=False),
        sa.Column("trend_facts", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("incident_id", sa.UUID(), nullable=True),
        sa.Column("regressed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("first_seen", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_seen", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "pattern_id", name=op.f("patterns_pkey")),
    )
    op.create_table(
        "projects",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name=op.f("projects_pkey")),
    )
    op.create_table(
        "rollups",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("bucket", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "project_id", "bucket", "fingerprint", "service", "severity", "environment", name=op.f("rollups_pkey")
        ),
    )
    op.create_index(
        "rollups_project_id_fingerprint_bucket_idx",
        "rollups",
        ["project_id", "fingerprint", "bucket"],
        unique=False,
    )
    op.create_table(
        "snapshots",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("window_hours", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("computed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "window_hours", name=op.f("snapshots_pkey")),
    )
    op.create_table(
        "api_keys",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("scope IN ('ingest', 'read', 'admin')", name=op.f("api_keys_scope_check")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.project_id"], name=op.f("api_keys_project_id_fkey")),
        sa.PrimaryKeyConstraint("project_id", "key_id", name=op.f("api_keys_pkey")),
    )
    op.create_index("api_keys_key_id_idx", "api_keys", ["key_id"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("pattern_id", sa.UUID(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("known_releases", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("until_count", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("decision IN ('open', 'resolved', 'ignored')", name=op.f("decisions_decision_check")),
        sa.PrimaryKeyConstraint("project_id", "pattern_id", name=op.f("decisions_pkey")),
    )
    op.create_table(
        "pins",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pattern_id", sa.UUID(), nullable=False),
        sa.Column("pinned_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "fingerprint", name=op.f("pins_pkey")),
    )
    create_partitions()
    op.execute(
        "ALTER TABLE deltas SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,"
        " autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000)"
    )


def create_partitions() -> None:
    """The days that the first errors fall on; the worker makes the others, `errors_default` takes what has none."""
    op.execute("CREATE TABLE errors_default PARTITION OF errors DEFAULT")
    today = datetime.now(UTC).date()
    for day in (today + timedelta(days=offset) for offset in range(-2, 3)):
        op.execute(
            f"CREATE TABLE errors_{day:%Y%m%d} PARTITION OF errors"  # rule-ok: made of a date
            f" FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}')"
        )


def downgrade() -> None:
    for table in (
        "api_keys",
        "projects",
        "errors",
        "deltas",
        "rollups",
        "fingerprints",
        "patterns",
        "snapshots",
        "decisions",
        "pins",
        "job_runs",
    ):
        op.drop_table(table)
