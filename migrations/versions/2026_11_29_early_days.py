"""Days of which errors were stored before they began, so that these are found again (docs/decisions/0025).

Expand first, contract in a later release: the programs of the release before must run on this schema. They do not know
the table, and look for an error on the day before alone, as they did.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011_early_days"
down_revision = "0010_json_texts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "early_days",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("noted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "day", name=op.f("early_days_pkey")),
        comment="Days of which errors were stored before they began: their time was ahead, and they got the server's.",
    )


def downgrade() -> None:
    op.drop_table("early_days")
