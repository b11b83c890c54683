"""The tables of alerts beside their channels: rules, what they told, what holds now, what is owed, what is muted."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from common.tables.columns import instant, metadata, owner

alert_starts = sa.Table(
    "alert_starts",
    metadata,
    owner(),
    instant("started_at"),
    comment="Since when changes of a project are noted; its default rules were made then.",
)

alert_rules = sa.Table(
    "alert_rules",
    metadata,
    owner(),
    sa.Column("rule_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("is_armed", sa.Boolean, nullable=False),
    sa.Column("terms", JSONB, nullable=False, comment="When, if, and how often: RuleTerms of common/alerts/rules.py."),
    sa.Column("channels", ARRAY(UUID(as_uuid=True)), nullable=False),
    instant("created_at"),
    instant("changed_at"),
    sa.UniqueConstraint("project_id", "name", name="alert_rules_name_key"),
)

alert_threads = sa.Table(
    "alert_threads",
    metadata,
    owner(),
    sa.Column("rule_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("subject_id", UUID(as_uuid=True), primary_key=True),
    instant("fired_at"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("rank", sa.Double, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
    comment="What a rule told last of a pattern, an incident, a budget.",
)

conditions = sa.Table(
    "conditions",
    metadata,
    owner(),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("subject_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("mark", sa.Text, nullable=False, comment="What of it was told: another one is a change."),
    instant("since"),
    sa.Column("facts", JSONB, nullable=False),
    comment="What holds now, so that its beginning and its end are each told once.",
)

alert_mutes = sa.Table(
    "alert_mutes",
    metadata,
    owner(),
    sa.Column("mute_id", UUID(as_uuid=True), primary_key=True),
    instant("made_at"),
    instant("until"),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("subject_id", UUID(as_uuid=True)),
    sa.Column("rule_id", UUID(as_uuid=True)),
    sa.Column("channel_id", UUID(as_uuid=True)),
    sa.Column("note", sa.Text),
)

notifications = sa.Table(
    "notifications",
    metadata,
    owner(),
    sa.Column("notification_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("rule_id", UUID(as_uuid=True), nullable=False),
    sa.Column("channel_id", UUID(as_uuid=True), nullable=False),
    sa.Column("changes", JSONB, nullable=False, comment="What it tells, the first hundred changes."),
    sa.Column("left_out", sa.Integer, nullable=False, comment="How many more there were."),
    instant("made_at"),
    instant("due_at"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    instant("attempt_at"),
    instant("claimed_until", nullable=True),
    instant("ended_at", nullable=True),
    sa.Column("told", sa.Text, nullable=False, comment="What the receiver said last."),
    sa.CheckConstraint("state IN ('due', 'sent', 'dead', 'muted', 'held', 'reported')", name="state"),
    sa.Index(
        "notifications_due_idx",
        "project_id",
        "channel_id",
        "attempt_at",
        postgresql_where=sa.text("state IN ('due', 'held')"),
    ),
    sa.Index("notifications_project_id_channel_id_ended_at_idx", "project_id", "channel_id", "ended_at"),
    sa.Index("notifications_project_id_made_at_idx", "project_id", "made_at"),
    comment="One message owed to one channel.",
)
