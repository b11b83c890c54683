"""The tables of budgets: limits, what crossed them, what is reserved, what was projected."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, UUID

from common.tables.columns import instant, metadata, owner


def of_budget(name: str) -> sa.ForeignKeyConstraint:
    """What belongs to a budget goes when the budget goes."""
    return sa.ForeignKeyConstraint(
        ["project_id", "budget_id"],
        ["budgets.project_id", "budgets.budget_id"],
        name=f"{name}_budget_id_fkey",
        ondelete="CASCADE",
    )


budgets = sa.Table(
    "budgets",
    metadata,
    owner(),
    sa.Column("budget_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("scope_value", sa.Text, nullable=False),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False, comment="The limit, tokens or USD by the metric."),
    sa.Column("period", sa.Text, nullable=False),
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("thresholds", ARRAY(sa.Numeric), nullable=False),
    instant("made_at"),
    sa.Column(
        "starts_on",
        sa.SmallInteger,
        nullable=False,
        server_default="1",
        comment="Day of the week (1: Monday) or of the month that a period begins on.",
    ),
    sa.UniqueConstraint("project_id", "name", name="budgets_name_key"),
    sa.CheckConstraint("scope IN ('project', 'team', 'agent', 'model')", name="scope"),
    sa.CheckConstraint("metric IN ('tokens', 'usd')", name="metric"),
    sa.CheckConstraint("period IN ('day', 'week', 'month')", name="period"),
)

crossings = sa.Table(
    "crossings",
    metadata,
    owner(),
    sa.Column("budget_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("period_start", sa.Date, primary_key=True),
    sa.Column("threshold", sa.Numeric, primary_key=True),
    instant("crossed_at"),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("used", sa.Numeric, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    of_budget("crossings"),
)

reservations = sa.Table(
    "reservations",
    metadata,
    owner(),
    sa.Column("budget_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("reservation_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("amount", sa.Numeric, nullable=False),
    instant("made_at"),
    instant("expires_at"),
    instant("settled_at", nullable=True),
    of_budget("reservations"),
    sa.Index(
        "reservations_project_id_budget_id_expires_at_idx",
        "project_id",
        "budget_id",
        "expires_at",
    ),
)

projections = sa.Table(
    "projections",
    metadata,
    owner(),
    sa.Column("budget_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("period_start", sa.Date, primary_key=True),
    sa.Column("made_at", TIMESTAMP(timezone=True), primary_key=True),
    sa.Column("day_number", sa.SmallInteger, nullable=False, comment="Which day of the period, from 1."),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("complete_days", sa.Integer, nullable=False),
    sa.Column("spent", sa.Numeric, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("projected", sa.Numeric),
    sa.Column("low", sa.Numeric),
    sa.Column("high", sa.Numeric),
    sa.Column("breach_chance", sa.Double),
    sa.Column("exhausted_on", sa.Date),
    sa.Column("confidence", sa.Text),
    sa.Column("doubts", ARRAY(sa.Text)),
    sa.Column("actual", sa.Numeric),
    sa.Column("error_percent", sa.Numeric, comment="100 x (projected - actual) / actual, once the period is closed."),
    of_budget("projections"),
)
