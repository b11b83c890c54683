"""The tables of what is spent: usage, its sums, prices, deliverables. Money is NUMERIC, USD; tokens are whole numbers."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID

from common.tables.columns import instant, metadata, owner


def tokens(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def rate(kind: str) -> sa.Column[object]:
    """USD per million tokens of one kind."""
    return sa.Column(f"{kind}_rate", sa.Numeric)


usage_records = sa.Table(
    "usage_records",
    metadata,
    owner(),
    sa.Column("event_key", sa.Text, primary_key=True),
    instant("occurred_at"),
    instant("received_at"),
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("sums_as", sa.Text, nullable=False, comment="The model's name in sums: one for all its spellings."),
    sa.Column("processing", sa.Text, nullable=False),
    tokens("input_tokens"),
    tokens("cached_tokens"),
    tokens("cache_write_tokens"),
    tokens("cache_write_1h_tokens"),
    tokens("output_tokens"),
    tokens("reasoning_tokens"),
    sa.Column("is_estimated", sa.Boolean, nullable=False),
    sa.Column("reported_usd", sa.Numeric),
    sa.Column("cost_usd", sa.Numeric),
    sa.Column("priced_by", sa.Text, nullable=False),
    sa.Column("price_note", sa.Text, nullable=False),
    sa.Column("deliverable", sa.Text),
    sa.Column("event_id", UUID(as_uuid=True)),
    sa.Column("pattern_id", UUID(as_uuid=True)),
    sa.Column("sums_team", sa.Text, comment="The team in sums; null where it is the team."),
    sa.Column("sums_agent", sa.Text, comment="The agent in sums; null where it is the agent."),
    sa.Column(
        "details", sa.Text, comment="JSON: what the price depends on beyond the counts, and what was not understood."
    ),
    sa.Column("run", sa.Text, comment="The session or task that the call belongs to."),
    sa.Column("parent_run", sa.Text, comment="The one that started it."),
    sa.Index("usage_records_project_id_occurred_at_idx", "project_id", "occurred_at", "event_key"),
    sa.Index(
        "usage_records_project_id_deliverable_idx",
        "project_id",
        "deliverable",
        postgresql_where=sa.text("deliverable IS NOT NULL"),
    ),
    sa.Index(
        "usage_records_project_id_pattern_id_idx",
        "project_id",
        "pattern_id",
        postgresql_where=sa.text("pattern_id IS NOT NULL"),
    ),
    sa.Index(
        "usage_records_project_id_event_id_idx",
        "project_id",
        "event_id",
        postgresql_where=sa.text("event_id IS NOT NULL"),
    ),
    sa.Index("usage_records_project_id_run_idx", "project_id", "run", postgresql_where=sa.text("run IS NOT NULL")),
    sa.Index(
        "usage_records_project_id_parent_run_idx",
        "project_id",
        "parent_run",
        postgresql_where=sa.text("parent_run IS NOT NULL"),
    ),
)

usage_names = sa.Table(
    "usage_names",
    metadata,
    owner(),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    instant("last_seen"),
    sa.CheckConstraint("kind IN ('team', 'agent', 'model')", name="kind"),
)

usage_rollups = sa.Table(
    "usage_rollups",
    metadata,
    owner(),
    sa.Column("minutes", sa.SmallInteger, primary_key=True, autoincrement=False, comment="15, or 1440: a UTC day."),
    sa.Column("bucket", TIMESTAMP(timezone=True), primary_key=True),
    sa.Column("team", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("records", sa.BigInteger, nullable=False),
    tokens("input_tokens"),
    tokens("cached_tokens"),
    tokens("cache_write_tokens"),
    tokens("output_tokens"),
    tokens("reasoning_tokens"),
    tokens("untied_tokens"),
    tokens("estimated_tokens"),
    tokens("unpriced_tokens"),
    sa.Column("cost_usd", sa.Numeric, nullable=False),
)

price_overrides = sa.Table(
    "price_overrides",
    metadata,
    owner(),
    sa.Column("override_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("processing", sa.Text, nullable=False),
    instant("starts_at"),
    instant("ends_at", nullable=True),
    rate("input"),
    rate("output"),
    rate("cached"),
    rate("cache_write"),
    rate("cache_write_1h"),
    instant("made_at"),
    sa.Column("made_by", sa.Text, nullable=False),
)

repricings = sa.Table(
    "repricings",
    metadata,
    owner(),
    sa.Column("repricing_id", UUID(as_uuid=True), primary_key=True),
    instant("made_at"),
    sa.Column("made_by", sa.Text, nullable=False),
    instant("since"),
    instant("until"),
    sa.Column("records", sa.BigInteger, nullable=False),
    sa.Column("changed", sa.BigInteger, nullable=False),
    sa.Column("before_usd", sa.Numeric, nullable=False),
    sa.Column("after_usd", sa.Numeric, nullable=False),
    tokens("unpriced_tokens_before"),
    tokens("unpriced_tokens_after"),
)

deliverables = sa.Table(
    "deliverables",
    metadata,
    owner(),
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    instant("completed_at"),
    instant("received_at"),
    sa.Index("deliverables_project_id_completed_at_idx", "project_id", "completed_at"),
)
