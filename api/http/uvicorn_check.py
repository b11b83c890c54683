"""What of uvicorn's insides the connection stands on (api/http/sequence.py, connection.py): looked at before the first
connection is made, since a release of uvicorn may change them without a word."""

import inspect
from collections.abc import Iterable
from typing import Any, cast

import uvicorn
from uvicorn.config import Config
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.server import ServerState

# The minor version that the tests ran with, as pyproject.toml has it.
TESTED = "0.54"
PROTOCOL_PARAMETERS = ["self", "config", "server_state", "app_state", "_loop"]
PROTOCOL_METHODS = (
    *("connection_made", "connection_lost", "data_received", "eof_received", "pause_writing", "resume_writing"),
    *("on_message_begin", "on_url", "on_header", "on_headers_complete", "on_body", "on_message_complete"),
    *("on_response_complete", "shutdown", "timeout_keep_alive_handler", "_unset_keepalive_if_required"),
)
PROTOCOL_FIELDS = (
    *("app_state", "server_state", "connections", "loop", "parser", "transport", "flow"),
    *("timeout_keep_alive", "timeout_keep_alive_task", "headers", "expect_100_continue", "cycle"),
)
CYCLE_FIELDS = (*("more_body", "keep_alive", "response_started", "response_complete", "disconnected", "message_event"),)
FLOW_FIELDS = ("pause_reading", "resume_reading", "read_paused", "write_paused")
SERVER_FIELDS = ("total_requests", "default_headers")


class UvicornUnfit(Exception):
    """The uvicorn that is installed is not one that the connection can stand on."""


def check_uvicorn() -> None:
    """Raises UvicornUnfit, which says what differs and what to do."""
    found = [*find_other_version(uvicorn.__version__), *find_missing()]
    if found:
        raise UvicornUnfit(
            f"uvicorn {uvicorn.__version__} does not fit: {'; '.join(found)}. Install what requirements-service.lock "
            f"names (uvicorn {TESTED}.*)"
        )


def find_other_version(version: str) -> list[str]:
    is_tested = version.split(".")[:2] == TESTED.split(".")
    return [] if is_tested else [f"the connection was tried with {TESTED} alone"]


def find_missing() -> list[str]:
    """What the connection needs and uvicorn does not have."""
    protocol = httptools_impl.HttpToolsProtocol
    if list(inspect.signature(protocol.__init__).parameters) != PROTOCOL_PARAMETERS:
        return ["HttpToolsProtocol is made in another way"]
    if getattr(httptools_impl, "STATUS_LINE", {}).get(200) != b"HTTP/1.1 200 OK\r\n":
        return ["STATUS_LINE has no whole status lines"]
    state = ServerState()
    return [
        *missing(protocol, PROTOCOL_METHODS),
        *missing(make_protocol(protocol, state), PROTOCOL_FIELDS),
        *missing(make_cycle(), CYCLE_FIELDS),
        *missing(FlowControl(cast("Any", None)), FLOW_FIELDS),
        *missing(state, SERVER_FIELDS),
    ]


def missing(thing: Any, names: Iterable[str]) -> list[str]:
    owner = thing.__name__ if isinstance(thing, type) else type(thing).__name__
    return [f"{owner} has no {name}" for name in names if not hasattr(thing, name)]


def make_protocol(protocol: type[httptools_impl.HttpToolsProtocol], state: ServerState) -> Any:
    config = Config(answer_nothing, http=protocol, ws="none", lifespan="off", log_config=None)
    return protocol(config, state, {}, cast("Any", object()))


async def answer_nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    """Stands for the application."""


def make_cycle() -> Any:
    """A cycle of nothing: what it is made of is looked at."""
    made_of: Any = dict.fromkeys(inspect.signature(httptools_impl.RequestResponseCycle).parameters)
    return httptools_impl.RequestResponseCycle(**made_of)
