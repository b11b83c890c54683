"""When errors of a fingerprint were received, by Postgres' clock, which decisions are dated by (docs/decisions/0029).

Expand first, contract in a later release: the programs of the release before must run on this schema. Where they count, the
time that the newest error gives itself stands in until the next error is counted by this one.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013_received"
down_revision = "0012_delta_release"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("received_at", "since"):
        op.add_column("fingerprints", sa.Column(name, postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("fingerprints", sa.Column("since_count", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for name in ("since_count", "since", "received_at"):
        op.drop_column("fingerprints", name)
