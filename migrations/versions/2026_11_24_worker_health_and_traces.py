"""When each job last ended well, and which trace a delta came from.

Expand first, contract in a later release: the programs of the release before must run on this schema.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_worker_health"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job_runs", sa.Column("succeeded_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("deltas", sa.Column("traceparent", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("deltas", "traceparent")
    op.drop_column("job_runs", "succeeded_at")
