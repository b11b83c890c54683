"""Rules of alerts, what they told, what holds now, what is owed, and what is muted.

Expand first, contract in a later release: the programs of the release before run on this schema.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022_alert_rules"
down_revision = "0021_alert_channels"
branch_labels = None
depends_on = None

TABLES = ("notifications", "alert_mutes", "conditions", "alert_threads", "alert_rules", "alert_starts")


def instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), nullable=nullable)


def named(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.UUID(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "alert_starts",
        named("project_id"),
        instant("started_at"),
        sa.PrimaryKeyConstraint("project_id", name=op.f("alert_starts_pkey")),
        comment="Since when changes of a project are noted; its default rules were made then.",
    )
    op.create_table(
        "alert_rules",
        named("project_id"),
        named("rule_id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_armed", sa.Boolean(), nullable=False),
        sa.Column(
            "terms",
            postgresql.JSONB(),
            nullable=False,
            comment="When, if, and how often: RuleTerms of common/alerts/rules.py.",
        ),
        sa.Column("channels", postgresql.ARRAY(sa.UUID()), nullable=False),
        instant("created_at"),
        instant("changed_at"),
        sa.PrimaryKeyConstraint("project_id", "rule_id", name=op.f("alert_rules_pkey")),
        sa.UniqueConstraint("project_id", "name", name="alert_rules_name_key"),
    )
    op.create_table(
        "alert_threads",
        named("project_id"),
        named("rule_id"),
        named("subject_id"),
        instant("fired_at"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rank", sa.Double(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "rule_id", "subject_id", name=op.f("alert_threads_pkey")),
        comment="What a rule told last of a pattern, an incident, a budget.",
    )
    op.create_table(
        "conditions",
        named("project_id"),
        sa.Column("subject", sa.Text(), nullable=False),
        named("subject_id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False, comment="What of it was told: another one is a change."),
        instant("since"),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "subject", "subject_id", "name", name=op.f("conditions_pkey")),
        comment="What holds now, so that its beginning and its end are each told once.",
    )
    op.create_table(
        "alert_mutes",
        named("project_id"),
        named("mute_id"),
        instant("made_at"),
        instant("until"),
        sa.Column("made_by", sa.Text(), nullable=False),
        named("subject_id", nullable=True),
        named("rule_id", nullable=True),
        named("channel_id", nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "mute_id", name=op.f("alert_mutes_pkey")),
    )
    op.create_table(
        "notifications",
        named("project_id"),
        named("notification_id"),
        named("rule_id"),
        named("channel_id"),
        sa.Column("changes", postgresql.JSONB(), nullable=False, comment="What it tells, the first hundred changes."),
        sa.Column("left_out", sa.Integer(), nullable=False, comment="How many more there were."),
        instant("made_at"),
        instant("due_at"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        instant("attempt_at"),
        instant("claimed_until", nullable=True),
        instant("ended_at", nullable=True),
        sa.Column("told", sa.Text(), nullable=False, comment="What the receiver said last."),
        sa.PrimaryKeyConstraint("project_id", "notification_id", name=op.f("notifications_pkey")),
        sa.CheckConstraint(
            "state IN ('due', 'sent', 'dead', 'muted', 'held', 'reported')", name=op.f("notifications_state_check")
        ),
        comment="One message owed to one channel.",
    )
    op.create_index(
        "notifications_due_idx",
        "notifications",
        ["project_id", "channel_id", "attempt_at"],
        postgresql_where=sa.text("state IN ('due', 'held')"),
    )
    op.create_index(
        "notifications_project_id_channel_id_ended_at_idx", "notifications", ["project_id", "channel_id", "ended_at"]
    )
    op.create_index("notifications_project_id_made_at_idx", "notifications", ["project_id", "made_at"])


def downgrade() -> None:
    for name in TABLES:
        op.drop_table(name)
