"""Examples below the help of a command, as they are typed."""

EACH = "  ./mayday "


def examples(*lines: str) -> str:
    """The epilog of a command: each line is what follows `./mayday`, maybe with a remark behind `#`."""
    return "\b\nExamples:\n" + "\n".join(EACH + line for line in lines)
