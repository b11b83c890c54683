"""Usage records out of the session logs of coding agents: Claude Code and Codex, as each of their versions writes them. Pure.

Both write a line for whatever happens, and tell of one call more than once. Claude Code repeats a message, with the same id,
for each piece of it that was streamed; the last has all of its tokens. Codex tells the sum of a session after each turn.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cli.usage.records import Options, Unread, UsageRecord, name_team

SYNTHETIC = "<synthetic>"  # the model of messages that Claude Code wrote itself
CLAUDE_CODE, CODEX = "claude-code", "codex"
SUBAGENT = ":subagent"


class ClaudeMessage(msgspec.Struct):
    """The message of an assistant, without what it says."""

    id: str | None = None
    model: str | None = None
    usage: dict[str, Any] | None = None


class Progress(msgspec.Struct):
    """What a line of type progress tells of a subagent: the line that it wrote."""

    message: msgspec.Raw = msgspec.Raw()


class SessionLine(msgspec.Struct):
    """A line of either log, as far as it is looked at."""

    type: str | None = None
    timestamp: str | None = None
    message: msgspec.Raw = msgspec.Raw()
    payload: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()
    sessionId: str | None = None  # noqa: N815 - as Claude Code writes it
    isSidechain: bool | None = None  # noqa: N815
    agentId: str | None = None  # noqa: N815
    uuid: str | None = None
    cwd: str | None = None


class SessionMeta(msgspec.Struct):
    """The first line of a Codex log."""

    id: str | None = None
    cwd: str | None = None
    forked_from_id: str | None = None
    model_provider: str | None = None
    source: Any = None


class TurnContext(msgspec.Struct):
    """What a turn of Codex begins with."""

    model: str | None = None
    cwd: str | None = None


class TokenCount(msgspec.Struct):
    """What Codex tells after a turn: the session so far, and since its second release the last turn."""

    type: str | None = None
    info: dict[str, Any] | None = None
    input_tokens: int | None = None
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_output_tokens: int = 0
    total_tokens: int = 0


decode_line = msgspec.json.Decoder(SessionLine).decode
decode_message = msgspec.json.Decoder(ClaudeMessage).decode
decode_meta = msgspec.json.Decoder(SessionMeta).decode
decode_turn = msgspec.json.Decoder(TurnContext).decode
decode_count = msgspec.json.Decoder(TokenCount).decode
decode_progress = msgspec.json.Decoder(Progress).decode

# A line without any of these holds no usage; most lines, and nearly all bytes, are such.
MARKS = (b'"usage"', b"token_count", b"turn_context", b"session_meta")
CODEX_COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")


def may_hold_usage(line: bytes) -> bool:
    return any(mark in line for mark in MARKS)


@dataclass(slots=True)
class SessionReader:
    """Reads the lines of one file in their order."""

    options: Options
    session: str = ""
    root: str = ""
    parent: str = ""
    model: str = ""
    provider: str = ""
    cwd: str = ""
    spent: dict[str, int] = field(default_factory=dict)  # of a Codex session, so far

    def read(self, line: bytes) -> Iterator[UsageRecord | Unread]:
        """The records of a line; one that is neither log's is unread."""
        try:
            found = decode_line(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            yield Unread("not a line of JSON that a session log has")
            return
        try:
            match found.type:
                case "assistant":
                    yield from self.read_claude(found)
                case "progress":
                    yield from self.read_progress(found)
                case "session_meta" | "turn_context" | "event_msg":
                    yield from self.read_codex(found)
        except msgspec.DecodeError as error:
            yield Unread(f"a line of another form than is known ({error})"[:120])

    def read_progress(self, line: SessionLine) -> Iterator[UsageRecord | Unread]:
        """A subagent's line inside of one of its parent."""
        if not line.data or b'"usage"' not in bytes(line.data):
            return
        inner = decode_progress(line.data).message
        if inner and (told := decode_line(inner)).type == "assistant":
            told.sessionId, told.cwd = told.sessionId or line.sessionId, told.cwd or line.cwd
            told.timestamp, told.isSidechain = told.timestamp or line.timestamp, True
            yield from self.read_claude(told)

    def read_claude(self, line: SessionLine) -> Iterator[UsageRecord | Unread]:
        message = decode_message(line.message) if line.message else ClaudeMessage()
        if not message.usage or message.model == SYNTHETIC:
            return
        if not message.model or not line.timestamp or not (message.id or line.uuid):
            yield Unread("an assistant's message without a model, a time or an id")
            return
        is_sub = bool(line.isSidechain)
        session = line.sessionId or None
        run = f"{session}/{line.agentId}" if session and is_sub and line.agentId else session
        yield UsageRecord(
            event_key=message.id or line.uuid or "",
            team=self.options.team or name_team(line.cwd),
            agent=self.options.agent or CLAUDE_CODE + SUBAGENT * is_sub,
            model=message.model,
            occurred_at=line.timestamp,
            usage=message.usage,
            run=run,
            parent_run=session if run != session else None,
        )

    def read_codex(self, line: SessionLine) -> Iterator[UsageRecord | Unread]:
        match line.type:
            case "session_meta":
                self.begin(decode_meta(line.payload))
            case "turn_context":
                turn = decode_turn(line.payload)
                self.model, self.cwd = turn.model or self.model, turn.cwd or self.cwd
            case _ if b"token_count" in bytes(line.payload):
                told = decode_count(line.payload)
                if told.type == "token_count" and (usage := self.take_turn(told)):
                    yield self.tell_turn(line, usage)

    def begin(self, meta: SessionMeta) -> None:
        """The first of them is the file's own; a session that was forked has those of the ones before it too."""
        if self.session:
            return
        self.session = meta.id or ""
        self.root = meta.forked_from_id or self.session
        self.cwd, self.provider = meta.cwd or "", meta.model_provider or ""
        source = meta.source.get("subagent") if isinstance(meta.source, dict) else None
        spawn = source.get("thread_spawn") if isinstance(source, dict) else None
        self.parent = str(spawn.get("parent_thread_id") or "") if isinstance(spawn, dict) else ""

    def take_turn(self, told: TokenCount) -> dict[str, int]:
        """What a turn took; nothing where the same sum is told again, as it is when limits are. The difference of two sums,
        but where a file begins in the middle of a session or its sum begins anew: then what is told of the last turn."""
        last: dict[str, int] = {}
        if told.info is not None:
            now, last = read_counts(told.info.get("total_token_usage")), read_counts(told.info.get("last_token_usage"))
        elif told.input_tokens is not None:
            now = {name: getattr(told, name) for name in CODEX_COUNTS}
        else:
            return {}
        if not any(now.values()):
            now = {name: self.spent.get(name, 0) + count for name, count in last.items()}
        if now == self.spent:
            return {}
        turn = {name: count - self.spent.get(name, 0) for name, count in now.items()}
        is_first = not self.spent
        self.spent = now
        if last and any(last.values()) and (is_first or min(turn.values()) < 0):
            return last
        return turn if min(turn.values()) >= 0 else now

    def tell_turn(self, line: SessionLine, usage: dict[str, int]) -> UsageRecord | Unread:
        model = self.model or self.options.model
        if not model or not line.timestamp:
            return Unread("a turn of Codex without a model: name it with --model")
        sums = "-".join(str(self.spent[name]) for name in CODEX_COUNTS)
        return UsageRecord(
            event_key=f"codex:{self.root or 'unnamed'}:{sums}"[:200],
            team=self.options.team or name_team(self.cwd),
            agent=self.options.agent or CODEX + SUBAGENT * bool(self.parent),
            model=model,
            provider=self.provider or None,
            occurred_at=line.timestamp,
            usage={**usage, "total_tokens": usage["input_tokens"] + usage["output_tokens"]},
            run=self.session or None,
            parent_run=self.parent or None,
        )


def read_counts(raw: Any) -> dict[str, int]:
    """The counts of a usage object of Codex; empty where there is none."""
    if not isinstance(raw, dict):
        return {}
    counts = {name: raw.get(name) for name in CODEX_COUNTS}
    return {name: count if isinstance(count, int) and count >= 0 else 0 for name, count in counts.items()}
