"""The index by which the key of a DSN is found.

Expand first, contract in a later release: the programs of the release before must run on this schema.
"""

from alembic import op

from migrations.indexes import create_index

revision = "0018_dsn_keys_index"
down_revision = "0017_dsn_keys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("api_keys_dsn_key_sha256_idx", "api_keys", ["dsn_key_sha256"])


def downgrade() -> None:
    op.drop_index("api_keys_dsn_key_sha256_idx", "api_keys")
