"""Which services and environments of a project are counted apart, so that their number can be bounded.

Expand first, contract in a later release: the programs of the release before must run on this schema. The worker fills
it as names are sent; one that a worker of the release before folded counts when it is seen again.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_facets"
down_revision = "0005_hourly_rollups"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "facets",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("facet", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_seen", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("facet IN ('service', 'environment')", name="facet"),
        sa.PrimaryKeyConstraint("project_id", "facet", "name", name=op.f("facets_pkey")),
    )


def downgrade() -> None:
    op.drop_table("facets")
