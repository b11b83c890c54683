"""The errors that an event tells of: the one that was raised, and those that led to it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.ingest.receivers.sentry.frames import Stack, write_stack
from api.ingest.receivers.sentry.values import as_name, as_object, as_text, list_values, without_nothing
from common.fingerprint import Frame, Thrown, Trace, qualify_type, read_frames

CHAIN_MAX = 50  # errors of one chain or group that are kept
# What Python says between an error and what led to it, by how they hang together.
DURING = "During handling of the above exception, another exception occurred:"
BECAUSE = "The above exception was the direct cause of the following exception:"
CAUSED_BY = {**dict.fromkeys(("javascript", "node"), "[cause]: "), "csharp": " ---> ", "php": "Next "}


@dataclass(slots=True)
class Raised:
    """One error of a chain."""

    type: str | None
    value: str
    module: str
    mechanism: Mapping[str, Any]
    stack: Stack

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Raised":
        return cls(
            as_name(raw.get("type")),
            as_text(raw.get("value")),
            as_text(raw.get("module")),
            as_object(raw.get("mechanism")),
            Stack.of(raw.get("stacktrace") or raw.get("raw_stacktrace")),
        )

    def head(self, platform: str) -> str:
        """The line of a trace that has its type and its message."""
        name = qualify_type(platform, self.type, self.module) if self.type else ""
        return f"{name}: {self.value}" if name and self.value else name or self.value

    def kept(self) -> dict[str, Any]:
        """What is kept of it in the context, its frames innermost first."""
        facts = {"type": self.type, "value": self.value, "module": self.module, "mechanism": dict(self.mechanism)}
        kept = without_nothing(facts)
        if self.stack.frames:
            kept["frames"] = self.stack.kept()
        return kept


def read_exceptions(value: Any) -> list[Raised]:
    """The errors of an event, the one raised first, then what led to it: the protocol has that one last."""
    found = list_values(value)[-CHAIN_MAX:]
    return [Raised.of(one) for one in reversed(found) if one.get("type") or one.get("value") or one.get("stacktrace")]


def read_threads(value: Any) -> Raised | None:
    """The thread that stands for an error which has no frames: the one that crashed, else the current one, else the
    first that has any."""
    threads = [thread for thread in list_values(value) if Stack.of(thread.get("stacktrace")).frames]
    if not threads:
        return None
    chosen = next((one for one in threads if one.get("crashed") is True), None)
    chosen = chosen or next((one for one in threads if one.get("current") is True), threads[0])
    return Raised(None, "", "", {}, Stack.of(chosen.get("stacktrace")))


def find_trace(platform: str, chain: Sequence[Raised]) -> Trace | None:
    """What groups are made of; None where no frame has a name."""
    return read_frames(platform, [as_thrown(platform, one) for one in chain])


def as_thrown(platform: str, raised: Raised) -> Thrown:
    frames: list[Frame] = [frame.for_grouping for frame in reversed(raised.stack.frames)]
    name = raised.type.splitlines()[0] if raised.type else ""
    return Thrown(qualify_type(platform, name, raised.module) or None, frames)


def write_trace(platform: str, chain: Sequence[Raised], message: str = "") -> str:
    """The whole trace as the language writes it; `message` stands where no error of the chain has one."""
    if not any(one.stack.frames for one in chain):
        return ""
    written = [write_stack(platform, one.head(platform) or message, one.stack) for one in chain]
    if platform == "python":
        return "\n".join(write_python_chain(chain, written))
    prefix = CAUSED_BY.get(platform, "Caused by: ")
    causes = [[prefix + lines[0], *lines[1:]] for lines in written[1:] if lines]
    return "\n".join([line for lines in (written[0], *causes) for line in lines])


def write_python_chain(chain: Sequence[Raised], written: Sequence[list[str]]) -> list[str]:
    """What led to an error stands before it, and between both what they have to do with each other."""
    lines: list[str] = []
    for place in range(len(chain) - 1, -1, -1):
        if lines:
            source = as_text(chain[place + 1].mechanism.get("source"))
            lines += ["", DURING if source == "__context__" else BECAUSE, ""]
        lines += written[place]
    return lines
