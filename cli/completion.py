"""`mayday completion`: what a shell needs to complete our commands and options. The words come from the program that is
typed, so that a script which was made once knows the commands of every release."""

from typing import Annotated, Literal

import typer

SCRIPTS = {
    "bash": """\
_mayday_complete() {
    local IFS=$'\\n'
    COMPREPLY=($(COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _MAYDAY_COMPLETE=complete_bash "$1" 2>/dev/null))
}
complete -o default -F _mayday_complete mayday
""",
    "zsh": """\
#compdef mayday
_mayday_complete() {
    eval "$(_TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _MAYDAY_COMPLETE=complete_zsh ${words[1]} 2>/dev/null)"
}
compdef _mayday_complete mayday
""",
    "fish": """\
function __mayday_complete
    set -l words (commandline -cp)
    set -l program (commandline -po)[1]
    env _MAYDAY_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=$argv[1] _TYPER_COMPLETE_ARGS="$words" $program 2>/dev/null
end
complete --command mayday --no-files --arguments '(__mayday_complete get-args)' --condition '__mayday_complete is-args'
""",
}


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="For which shell.")]) -> None:
    """Print a script that has the shell complete commands and options of `mayday` and `./mayday`."""
    typer.echo(SCRIPTS[shell], nl=False)
