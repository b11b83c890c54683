"""The day of the week or of the month that a budget's periods begin on.

Expand first, contract in a later release: the programs of the release before make budgets without it, which begin on Monday and
on the first, as all did.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027_budget_starts"
down_revision = "0026_usage_runs_index"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "budgets",
        sa.Column(
            "starts_on",
            sa.SmallInteger(),
            nullable=False,
            server_default="1",
            comment="Day of the week (1: Monday) or of the month that a period begins on.",
        ),
    )


def downgrade() -> None:
    op.drop_column("budgets", "starts_on")
