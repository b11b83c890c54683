"""Settings of the API: what a connection, a key, a request and a read may take."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings

from common.severities import SeverityWord


class HttpSettings(BaseSettings):
    """Limits of connections, heads, bodies and time."""

    ingest_origins: str = Field(
        "",
        pattern=r"^(\*|https?://[\w.:\[\]-]+(, ?https?://[\w.:\[\]-]+)*)?$",
        description="Origins of web pages that may send errors from a browser, as https://shop.example, with commas "
        "between them, or * for all. Nothing else may be asked for from other origins.",
    )
    fast_lane: Literal["on", "off"] = Field(
        "on",
        description="Whether connections answer by themselves what is asked and sent most; off: the routes answer all of "
        "it, the same at several times the cost. To find out whether the lane is at fault.",
    )
    connections_max: PositiveInt = Field(
        900,
        description="Connections of one API process; a new one beyond closes the one that waits longest for a request. "
        "Keep it under the limit of open files.",
    )
    header_seconds: PositiveFloat = Field(10.0, description="Time within which path and headers must have arrived.")
    header_max_bytes: PositiveInt = Field(32 * 2**10, description="Largest path and headers together.")
    keep_alive_seconds: PositiveInt = Field(
        75, description="How long a connection may wait for its next request; longer than a proxy in front keeps it."
    )
    body_max_bytes: PositiveInt = Field(5 * 2**20, description="Largest request body as sent.")
    body_max_decoded_bytes: PositiveInt = Field(20 * 2**20, description="Largest body after decompression.")
    body_seconds: PositiveFloat = Field(10.0, description="Time within which a body must have arrived.")
    bodies_max_bytes: PositiveInt = Field(
        128 * 2**20,
        description="Most bytes of bodies, unpacked, that one API process holds at once; what comes beyond is answered "
        "503, unless it is alone.",
    )
    request_seconds: PositiveFloat = Field(
        14.0, description="Time after which a request is answered 503, so that the client knows within 15 s."
    )


class AccessSettings(BaseSettings):
    """How keys are looked up, and how much may be used in a minute with them."""

    key_cache_seconds: PositiveFloat = Field(
        30.0,
        le=30.0,
        description="How long a process trusts a key that it looked up; a revoked key works that long.",
    )
    key_lookups_per_second: PositiveInt = Field(
        200,
        description="Keys new to a process that it looks up in Postgres in a second; those beyond are answered 429. "
        "Keys that it has known once are always looked up.",
    )
    limit_key_requests: NonNegativeInt = Field(600_000, description="Requests with one key in a minute; 0: any.")
    limit_project_requests: NonNegativeInt = Field(
        1_200_000, description="Requests with all keys of a project in a minute; 0: any."
    )
    limit_project_errors: NonNegativeInt = Field(
        6_000_000, description="Errors (and usage records) that a project may send in a minute; 0: any."
    )
    limit_project_bytes: NonNegativeInt = Field(
        6 * 2**30, description="Bytes of bodies, unpacked, that a project may send in a minute; 0: any."
    )


class IngestSettings(BaseSettings):
    """What one batch and one error may be."""

    batch_max_items: PositiveInt = Field(1_000, description="Most errors or records in one batch.")
    error_max_bytes: PositiveInt = Field(2**20, description="Largest single error, as JSON.")
    message_max_bytes: PositiveInt = Field(8 * 2**10, description="A longer message is cut here.")
    stack_trace_max_bytes: PositiveInt = Field(256 * 2**10, description="A longer stack trace is cut here.")
    json_max_depth: PositiveInt = Field(32, description="Deepest nesting in context that is kept.")
    json_max_keys: PositiveInt = Field(1_000, description="Most keys in context that are kept.")
    hold_seconds: NonNegativeFloat = Field(
        8.0,
        le=10.0,
        description="How long a request of a sender that would not send it again (a Sentry SDK) waits while Postgres takes "
        "nothing or too much is waiting, before it is refused; less than request_seconds.",
    )
    held_requests_max: NonNegativeInt = Field(
        200, description="Requests of such senders that wait in a process; those beyond are refused at once."
    )
    shipper_level: SeverityWord = Field(
        "error",
        description="Least level of the log records that shippers send to /api/logs and that become errors; those below are "
        "counted as discarded. A request may name another one.",
    )
    storm_errors_per_minute: NonNegativeInt = Field(
        0,
        description="Errors of one fingerprint that a process stores whole in a minute; those beyond are stored and "
        "counted without stack trace, context and tags (`sampled`). 0: all are stored whole.",
    )
    otlp_log_severity: SeverityWord = Field(
        "error",
        description="Least severity of OTLP log records that become errors; those below are counted as discarded.",
    )
    otlp_exception_severity: SeverityWord = Field(
        "warning", description="The same for those that have an exception in them (`exception.*`)."
    )


class WriterSettings(BaseSettings):
    """What waits for its commit, and how it is written."""

    writer_flushers: PositiveInt = Field(2, description="Connections of a process that write at once.")
    writer_buffer_max_bytes: PositiveInt = Field(64 * 2**20, description="Most bytes waiting to be written.")
    writer_buffer_max_errors: PositiveInt = Field(20_000, description="Most errors waiting to be written.")
    writer_wait_max_seconds: PositiveFloat = Field(
        1.0,
        description="Time that an error may have to wait for its commit, by the pace of the last flushes; what would "
        "wait longer is answered 503 at once.",
    )


class ReadSettings(BaseSettings):
    """How old answers may be, and how many a process holds."""

    recent_max_age_seconds: PositiveFloat = Field(
        1.0,
        description="How old GET /api/errors/recent may be: writes raise the generation at most this often.",
    )
    read_copies_max_bytes: PositiveInt = Field(
        64 * 2**20, description="Most bytes of answers that a process keeps copies of."
    )
    patterns_max_listed: PositiveInt = Field(
        200, description="Patterns listed in one answer; the rest is counted in `other`."
    )
