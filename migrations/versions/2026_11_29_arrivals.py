"""Fingerprints that came since a project's patterns were published, so that they are published soon.

Expand first, contract in a later release: the programs of the release before must run on this schema. They do without: what came
is published by the job `patterns`, at its period.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015_arrivals"
down_revision = "0014_releases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("came_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("rests_until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name=op.f("arrivals_pkey")),
    )


def downgrade() -> None:
    op.drop_table("arrivals")
