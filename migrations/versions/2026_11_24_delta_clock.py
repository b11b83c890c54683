"""Deltas that come by COPY get their time of writing from Postgres' clock.

Expand first, contract in a later release: the programs of the release before must run on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009_delta_clock"
down_revision = "0008_usage_names"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("deltas", "written_at", server_default=sa.func.now())


def downgrade() -> None:
    op.alter_column("deltas", "written_at", server_default=None)
