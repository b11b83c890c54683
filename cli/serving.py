"""The API's processes behind their ports: that of the API, and one more for OTLP where MAYDAY_OTLP_PORT says so."""

import sys
from socket import socket

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess


def serve(config: uvicorn.Config, more_ports: list[int]) -> None:
    """Serve on the port of the configuration and on these, until told to stop. Exits when a port cannot be had, or the
    application does not start."""
    if config.workers > 1:
        Multiprocess(config, sockets=bind(config, more_ports)).run()
        return
    config.load_app()
    server = uvicorn.Server(config)
    # left alone, the server binds all addresses of a host's name
    server.run(bind(config, more_ports) if more_ports else None)
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def bind(config: uvicorn.Config, more_ports: list[int]) -> list[socket]:
    """A socket for each port. Exits, and says so in the log, when one cannot be had."""
    first, sockets = config.port, []
    for port in (first, *more_ports):
        config.port = port
        sockets.append(config.bind_socket())
    config.port = first
    return sockets
