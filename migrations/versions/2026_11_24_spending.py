"""Usage records, their sums, prices and deliverables.

Expand first, contract in a later release: the programs of the release before must run on this schema.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002_worker_health"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deliverables",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("completed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "ref", name=op.f("deliverables_pkey")),
    )
    op.create_index(
        "deliverables_project_id_completed_at_idx", "deliverables", ["project_id", "completed_at"], unique=False
    )
    op.create_table(
        "price_overrides",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("override_id", sa.UUID(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("processing", sa.Text(), nullable=False),
        sa.Column("starts_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("input_rate", sa.Numeric(), nullable=True),
        sa.Column("output_rate", sa.Numeric(), nullable=True),
        sa.Column("cached_rate", sa.Numeric(), nullable=True),
        sa.Column("cache_write_rate", sa.Numeric(), nullable=True),
        sa.Column("cache_write_1h_rate", sa.Numeric(), nullable=True),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "override_id", name=op.f("price_overrides_pkey")),
    )
    op.create_table(
        "repricings",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("repricing_id", sa.UUID(), nullable=False),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("since", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("before_usd", sa.Numeric(), nullable=False),
        sa.Column("after_usd", sa.Numeric(), nullable=False),
        sa.Column("unpriced_tokens_before", sa.BigInteger(), nullable=False),
        sa.Column("unpriced_tokens_after", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "repricing_id", name=op.f("repricings_pkey")),
    )
    op.create_table(
        "usage_records",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("sums_as", sa.Text(), nullable=False, comment="The model's name in sums: one for all its spellings."),
        sa.Column("processing", sa.Text(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_1h_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("is_estimated", sa.Boolean(), nullable=False),
        sa.Column("reported_usd", sa.Numeric(), nullable=True),
        sa.Column("cost_usd", sa.Numeric(), nullable=True),
        sa.Column("priced_by", sa.Text(), nullable=False),
        sa.Column("price_note", sa.Text(), nullable=False),
        sa.Column("deliverable", sa.Text(), nullable=True),
        sa.Column("event_id", sa.UUID(), nullable=True),
        sa.Column("pattern_id", sa.UUID(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "event_key", name=op.f("usage_records_pkey")),
    )
    op.create_index(
        "usage_records_project_id_deliverable_idx",
        "usage_records",
        ["project_id", "deliverable"],
        unique=False,
        postgresql_where=sa.text("deliverable IS NOT NULL"),
    )
    op.create_index(
        "usage_records_project_id_event_id_idx",
        "usage_records",
        ["project_id", "event_id"],
        unique=False,
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
    op.create_index(
        "usage_records_project_id_occurred_at_idx",
        "usage_records",
        ["project_id", "occurred_at", "event_key"],
        unique=False,
    )
    op.create_index(
        "usage_records_project_id_pattern_id_idx",
        "usage_records",
        ["project_id", "pattern_id"],
        unique=False,
        postgresql_where=sa.text("pattern_id IS NOT NULL"),
    )
    op.create_table(
        "usage_rollups",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("minutes", sa.SmallInteger(), autoincrement=False, nullable=False, comment="15, or 1440: a UTC day."),
        sa.Column("bucket", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("untied_tokens", sa.BigInteger(), nullable=False),
        sa.Column("estimated_tokens", sa.BigInteger(), nullable=False),
        sa.Column("unpriced_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint(
            "project_id", "minutes", "bucket", "team", "agent", "model", name=op.f("usage_rollups_pkey")
        ),
    )
    # each flush updates the rows of the quarter hour that goes on: room for them on their page, and quick cleaning
    op.execute(
        "ALTER TABLE usage_rollups SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05,"
        " autovacuum_vacuum_threshold = 1000)"
    )


def downgrade() -> None:
    for table in ("deliverables", "price_overrides", "repricings", "usage_records", "usage_rollups"):
        op.drop_table(table)
