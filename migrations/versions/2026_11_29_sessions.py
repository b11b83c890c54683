"""Sessions of people on the page, keys that may decide about patterns and no more, and the history of patterns.

Expand first, contract in a later release: the programs of the release before run on this schema. They know no key of the
scope `triage`, and refuse one.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020_sessions"
down_revision = "0019_sender_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("is_link", sa.Boolean(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "token_sha256", name=op.f("sessions_pkey")),
        comment="Who is signed in on the page, and links that sign in once; each ends with its key.",
    )
    # which scopes there are is said by common/keys.py alone
    op.drop_constraint(op.f("api_keys_scope_check"), "api_keys", type_="check")
    op.create_table(
        "transitions",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("transition_id", sa.UUID(), nullable=False),
        sa.Column("happened_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "transition_id", name=op.f("transitions_pkey")),
        comment="Changes of state, each written in the transaction that makes it true.",
    )
    op.create_index(
        "transitions_project_id_subject_id_happened_at_idx",
        "transitions",
        ["project_id", "subject_id", "happened_at"],
    )


def downgrade() -> None:
    op.execute("DELETE FROM api_keys WHERE scope = 'triage'")
    op.create_check_constraint(op.f("api_keys_scope_check"), "api_keys", "scope IN ('ingest', 'read', 'admin')")
    op.drop_table("transitions")
    op.drop_table("sessions")
