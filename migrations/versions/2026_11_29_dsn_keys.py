"""The form that ingest keys have in a DSN, as its hash. Keys of before get theirs where their secret is known
(`mayday up`).

Expand first, contract in a later release: the programs of the release before must run on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017_dsn_keys"
down_revision = "0016_project_numbers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("dsn_key_sha256", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("api_keys", "dsn_key_sha256")
