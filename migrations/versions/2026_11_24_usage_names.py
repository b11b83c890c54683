"""Which teams, agents and models of a project are summed up apart, so that their number can be bounded.

Expand first, contract in a later release: the programs of the release before must run on this schema. A record that one
of them stores has no name of its own in the sums: there it is summed up under the name that it was sent with.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008_usage_names"
down_revision = "0007_pattern_moves"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage_names",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_seen", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('team', 'agent', 'model')", name="kind"),
        sa.PrimaryKeyConstraint("project_id", "kind", "name", name=op.f("usage_names_pkey")),
    )
    op.add_column(
        "usage_records",
        sa.Column("sums_team", sa.Text(), nullable=True, comment="The team in sums; null where it is the team."),
    )
    op.add_column(
        "usage_records",
        sa.Column("sums_agent", sa.Text(), nullable=True, comment="The agent in sums; null where it is the agent."),
    )


def downgrade() -> None:
    op.drop_column("usage_records", "sums_agent")
    op.drop_column("usage_records", "sums_team")
    op.drop_table("usage_names")
