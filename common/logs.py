"""Log lines: JSON for machines, readable on a terminal, the program's name in each."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

from common.settings.programs import TelemetrySettings


def configure_logging(settings: TelemetrySettings, program: str) -> None:
    """Send our lines and those of the libraries to standard error, in one form and from one level on."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    wants_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    # never the locals of a traceback: they are keys and messages of clients, and seconds of work where they are large
    last: list[Processor] = (
        [ExceptionRenderer(ExceptionDictTransformer(show_locals=False)), structlog.processors.JSONRenderer()]
        if wants_json
        else [escape_controls, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for chatty in ("httpx", "arq.worker", "sqlalchemy.engine"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(program=program)


# what moves the cursor, colours, ends a line or turns its direction
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def escape_controls(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """Show control characters of values as what they are: a terminal would obey them. JSON escapes them by itself."""
    return {name: escape(value) if isinstance(value, str) else value for name, value in line.items()}


def escape(text: str) -> str:
    return CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)
