"""Settings of the worker: how often its jobs run, what is counted apart, and how long rows are kept."""

from pydantic import Field, PositiveInt
from pydantic_settings import BaseSettings


class JobSettings(BaseSettings):
    """How often each job runs, and for how long at most."""

    fold_every_seconds: int = Field(5, ge=1, le=30, description="How often deltas become rollups.")
    patterns_every_seconds: int = Field(
        60, ge=10, le=3600, description="How often patterns are computed; at most an hour."
    )
    budgets_every_seconds: int = Field(
        30, ge=5, le=3600, description="How often crossings of budgets are looked for; projections are made every hour."
    )
    alerts_every_seconds: int = Field(
        10,
        ge=5,
        le=3600,
        description="How often rates of rules (more than N errors in M minutes) and the worker's lateness are looked at; "
        "messages are sent as soon as they are due.",
    )
    job_max_seconds: PositiveInt = Field(120, description="A job that runs longer is stopped.")


class CountingSettings(BaseSettings):
    """What a project may have counted apart."""

    fingerprints_max: PositiveInt = Field(
        20_000,
        description="Fingerprints that a project may have; errors of further ones count under one pattern, `overflow`.",
    )
    services_max: PositiveInt = Field(
        200,
        description="Services that a project may have counted apart; errors of further ones count under the service "
        "`(overflow)`, and keep the name that they were sent with. One not seen for eight days makes room.",
    )
    environments_max: PositiveInt = Field(50, description="The same for environments.")
    usage_names_max: PositiveInt = Field(
        500,
        description="Teams that a project may have in its sums of usage, and as many agents and models; records of "
        "further ones are summed up under `(overflow)`, and keep the name that they were sent with. One not seen for "
        "eight days makes room. What a budget is for is always summed up apart.",
    )


class RetentionSettings(BaseSettings):
    """How long rows are kept."""

    retention_days: PositiveInt = Field(30, description="Days that errors are kept.")
    clock_ahead_max_seconds: PositiveInt = Field(
        600, description="An error timed further in the future gets the server's time."
    )
    alerts_retention_days: PositiveInt = Field(
        90,
        ge=7,
        description="Days that changes of state and sent messages are kept: as far back as a preview of a rule can look, and "
        "three times what errors are kept, so that what recurs by the month shows. Decisions stay as long as their pattern.",
    )
    usage_retention_days: PositiveInt = Field(
        400,
        description="Days that usage records are kept, and so how old one may be when it is sent.",
    )
    usage_sums_retention_days: PositiveInt = Field(
        1_100,
        description="Days that the sums of usage are kept, and the rest of the month that the last of them is in; "
        "never less than their records.",
    )

    @property
    def usage_sums_days(self) -> int:
        """Days that the sums of usage are kept: while a record may come or be priced again, so is its sum."""
        return max(self.usage_sums_retention_days, self.usage_retention_days)


class SpendingSettings(BaseSettings):
    """The bands of tokens per deliverable."""

    deliverable_ok_max_tokens: PositiveInt = Field(5_000, description="Most tokens per deliverable that are `ok`.")
    deliverable_watch_max_tokens: PositiveInt = Field(
        6_000, description="Most tokens per deliverable that are `watch`; more are `alert`."
    )
