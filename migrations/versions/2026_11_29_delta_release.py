"""The release of the errors that a delta counts: which releases a project sends, and which fail again.

Expand first, contract in a later release: the programs of the release before must run on this schema. What they write has
no release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012_delta_release"
down_revision = "0011_early_days"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deltas", sa.Column("release", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("deltas", "release")
