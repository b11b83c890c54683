"""The number of a project, by which a DSN names it.

Expand first, contract in a later release: the programs of the release before must run on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016_project_numbers"
down_revision = "0015_key_expiry"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # rewrites the table, which has a row for each project
    op.add_column("projects", sa.Column("number", sa.Integer(), sa.Identity(always=True), nullable=False))


def downgrade() -> None:
    op.drop_column("projects", "number")
