"""Sums by the hour beside the five-minute rollups, filled from them.

Expand first, contract in a later release: the programs of the release before must run on this schema. What a worker of
that release folds after this is added by `worker/counting/rollups.py:repair_hours`, at the new worker's start and every hour.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005_hourly_rollups"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hourly_rollups",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("hour", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "project_id", "hour", "fingerprint", "service", "severity", "environment", name=op.f("hourly_rollups_pkey")
        ),
    )
    op.execute(
        "INSERT INTO hourly_rollups (project_id, hour, fingerprint, service, severity, environment, count)"
        " SELECT project_id, date_trunc('hour', bucket, 'UTC'), fingerprint, service, severity, environment, sum(count)"
        " FROM rollups GROUP BY 1, 2, 3, 4, 5, 6"
    )
    op.create_index(
        "hourly_rollups_project_id_fingerprint_hour_idx",
        "hourly_rollups",
        ["project_id", "fingerprint", "hour"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("hourly_rollups")
