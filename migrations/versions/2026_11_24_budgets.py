"""Budgets, their crossings, reservations and projections.

Expand first, contract in a later release: the programs of the release before must run on this schema.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("budget_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_value", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False, comment="The limit, tokens or USD by the metric."),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("thresholds", postgresql.ARRAY(sa.Numeric()), nullable=False),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("metric IN ('tokens', 'usd')", name=op.f("budgets_metric_check")),
        sa.CheckConstraint("period IN ('day', 'week', 'month')", name=op.f("budgets_period_check")),
        sa.CheckConstraint("scope IN ('project', 'team', 'agent', 'model')", name=op.f("budgets_scope_check")),
        sa.PrimaryKeyConstraint("project_id", "budget_id", name=op.f("budgets_pkey")),
        sa.UniqueConstraint("project_id", "name", name="budgets_name_key"),
    )
    op.create_table(
        "crossings",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("budget_id", sa.UUID(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("threshold", sa.Numeric(), nullable=False),
        sa.Column("crossed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("used", sa.Numeric(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "budget_id"],
            ["budgets.project_id", "budgets.budget_id"],
            name="crossings_budget_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "budget_id", "period_start", "threshold", name=op.f("crossings_pkey")),
    )
    op.create_table(
        "projections",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("budget_id", sa.UUID(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("day_number", sa.SmallInteger(), nullable=False, comment="Which day of the period, from 1."),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("complete_days", sa.Integer(), nullable=False),
        sa.Column("spent", sa.Numeric(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("projected", sa.Numeric(), nullable=True),
        sa.Column("low", sa.Numeric(), nullable=True),
        sa.Column("high", sa.Numeric(), nullable=True),
        sa.Column("breach_chance", sa.Double(), nullable=True),
        sa.Column("exhausted_on", sa.Date(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("doubts", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("actual", sa.Numeric(), nullable=True),
        sa.Column(
            "error_percent",
            sa.Numeric(),
            nullable=True,
            comment="100 x (projected - actual) / actual, once the period is closed.",
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "budget_id"],
            ["budgets.project_id", "budgets.budget_id"],
            name="projections_budget_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "budget_id", "period_start", "made_at", name=op.f("projections_pkey")),
    )
    op.create_table(
        "reservations",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("budget_id", sa.UUID(), nullable=False),
        sa.Column("reservation_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("settled_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "budget_id"],
            ["budgets.project_id", "budgets.budget_id"],
            name="reservations_budget_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "budget_id", "reservation_id", name=op.f("reservations_pkey")),
    )
    op.create_index(
        "reservations_project_id_budget_id_expires_at_idx",
        "reservations",
        ["project_id", "budget_id", "expires_at"],
        unique=False,
    )


def downgrade() -> None:
    for table in ("crossings", "reservations", "projections", "budgets"):
        op.drop_table(table)
