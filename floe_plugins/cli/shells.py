"""The scripts that let shells complete the command line."""

from __future__ import annotations

import os
from typing import ClassVar

from click.shell_completion import (
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

# click's own script for bash passes the words as bash splits them, which is at each colon of a ref too.
_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' line word begun="" response each
    line="${COMP_LINE:0:$COMP_POINT}"
    word="${line##*[[:space:]]}"
    # Where a colon ends a word, bash replaces only what is behind the last one.
    if [[ $COMP_WORDBREAKS == *:* && $word == *:* ]]; then
        begun="${word%%:*}:"
        begun="${begun##*=}"
    fi
    response=$(env COMP_WORDS="$line" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    COMPREPLY=()
    for each in $response; do
        case "${each%%%%,*}" in
            plain) each="${each#*,}"; COMPREPLY+=("${each#"$begun"}") ;;
            file) compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- "$word")) ;;
            dir) compopt -o dirnames 2>/dev/null || COMPREPLY=($(compgen -d -- "$word")) ;;
        esac
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""


class BashComplete(ShellComplete):
    """Completion in bash, of words with colons too."""

    name: ClassVar[str] = "bash"
    source_template: ClassVar[str] = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the one that is begun."""
        line = os.environ.get("COMP_WORDS", "")
        words = split_arg_string(line)
        begun = words.pop() if len(words) > 1 and not line[-1:].isspace() else ""
        return words[1:], begun

    def format_completion(self, item: CompletionItem) -> str:
        """Return what the script reads."""
        return f"{item.type},{item.value}"


class _FishComplete(FishComplete):
    """Completion in fish, of items whose help has commas too."""

    source_template: ClassVar[str] = FishComplete.source_template.replace("string split ", "string split --max 1 ")


SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "fish": _FishComplete, "zsh": ZshComplete}


def register() -> None:
    """Let click use these scripts."""
    add_completion_class(BashComplete)
