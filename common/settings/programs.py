"""Settings that all programs share: how they are set up, what they tell, how they stop."""

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parent.parent.parent


class ProgramSettings(BaseSettings):
    """Where a program keeps its state and listens, and how strict it is at its start."""

    mode: Literal["development", "production"] = Field(
        "development",
        description="production: the programs do not start with a weak, default or missing password to Postgres or "
        "Redis on a port.",
    )
    home: Path = Field(
        ROOT / ".mayday",
        description="State folder of the embedded Postgres and Valkey, and of keys.env and secret.env.",
    )
    host: str = Field("127.0.0.1", description="Address that the API listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port that the API listens on.")
    otlp_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="A second port of the API, for senders of OTLP that know no other than 4318; 0: none. OTLP is taken on "
        "MAYDAY_PORT too.",
    )
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$",
        description="Address at which others reach the API, as https://mayday.example: the one in the DSNs that are printed. "
        "Empty: host and port.",
    )
    default_project: str = Field("default", min_length=1, description="Name of the project that `mayday up` makes.")

    @property
    def keys_file(self) -> Path:
        """File that the first `mayday up` writes its keys to."""
        return self.home / "keys.env"

    @property
    def secret_file(self) -> Path:
        """File that `mayday up` keeps the key in that seals secrets, where MAYDAY_SECRET_KEY is not set."""
        return self.home / "secret.env"


class TelemetrySettings(BaseSettings):
    """Log lines, metrics, and what readiness calls late."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important log line that is written."
    )
    log_format: Literal["json", "console", "auto"] = Field(
        "auto", description="Form of the log lines; auto is console on a terminal and json elsewhere."
    )
    log_requests_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the requests that went well to write a line of, at level info; those answered 5xx always "
        "have one, and at level debug all.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address that metrics are answered on, at /metrics.")
    api_metrics_port: int = Field(
        9464, ge=0, le=65535, description="Port for the API's metrics, of all its processes; 0: none."
    )
    worker_metrics_port: int = Field(
        9465,
        ge=0,
        le=65535,
        description="Port for a worker's metrics; 0: none. Several workers on one host need one each.",
    )
    late_after_periods: float = Field(
        2.0,
        ge=1.5,
        description="A job of the worker whose last success is older than so many of its periods is late; never before "
        "ten seconds.",
    )
    ready_needs_worker: bool = Field(
        False,
        description="Whether /readyz answers 503 while the worker is late. Left off, it says `degraded` with 200, since "
        "errors are still taken and readers still answered.",
    )
    operator_project: str = Field(
        "",
        description="Name of the project whose admin keys see in /api/status what all projects together take. "
        "Empty: none; `mayday status` shows it to whoever may reach the database.",
    )
    disk_bytes: NonNegativeInt = Field(
        0, description="Size of the disk under Postgres, to tell the day on which it is full; 0: unknown."
    )


class StopSettings(BaseSettings):
    """How long a program that was told to stop goes on."""

    shutdown_delay_seconds: NonNegativeFloat = Field(
        0.0,
        description="How long a stopping API goes on serving with /readyz at 503, so that a load balancer turns away "
        "before the port closes.",
    )
    shutdown_seconds: PositiveInt = Field(
        15,
        description="Time within which what is under way when a program stops is ended: requests and the flushes "
        "after them each, or the worker's job.",
    )
