"""`xencim completion`: completion scripts, generated from the parser so that they know what it knows."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.output import Exit, print_line
from xencim.cimom_glue.cli.parser import make_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

# The words that may follow, by the words before: "user add" -> ["--group", …].
Words = dict[str, list[str]]

_BASH = """\
_xencim() {{
    local path="" word words=""
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        [[ $word == -* ]] || path="${{path:+$path }}$word"
    done
    while true; do
        case "$path" in
{cases}
        esac
        [[ -n $words || -z $path ]] && break
        if [[ $path == *" "* ]]; then path="${{path% *}}"; else path=""; fi
    done
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}")
}}
complete -o default -F _xencim xencim
"""
_ZSH = """\
#compdef xencim
autoload -U +X bashcompinit && bashcompinit
{bash}"""


def run(args: argparse.Namespace) -> int:
    """Write the script of one shell."""
    words = dict(_words(make_parser(), ""))
    scripts = {"bash": _bash, "zsh": lambda w: _ZSH.format(bash=_bash(w)), "fish": _fish}
    print_line(scripts[args.shell](words).rstrip())
    return Exit.DONE


def _words(parser: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, list[str]]]:
    found: list[str] = []
    # argparse offers no public way to list what a parser knows; these names have been stable.
    for action in parser._actions:  # noqa: SLF001
        found.extend(option for option in action.option_strings if option.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, child in action.choices.items():
                found.append(name)
                yield from _words(child, f"{path} {name}".strip())
        elif action.choices and not action.option_strings:
            found.extend(map(str, action.choices))
    yield path, found


def _bash(words: Words) -> str:
    lines = (f'            "{path}") words="{" ".join(found)}" ;;' for path, found in words.items())
    return _BASH.format(cases="\n".join(lines))


def _fish(words: Words) -> str:
    lines = ["complete -c xencim -f"]
    for path, found in words.items():
        names = path.split()
        children = [other.split()[len(names)] for other in words if other.startswith(f"{path} ".lstrip())]
        seen = [f"__fish_seen_subcommand_from {name}" for name in names]
        unseen = [f"not __fish_seen_subcommand_from {' '.join(children)}"] if any(children) else []
        condition = "; and ".join(seen + unseen) or "true"
        for word in found:
            what = f"-l {word[2:]}" if word.startswith("--") else f"-a {word}"
            lines.append(f"complete -c xencim -n '{condition}' {what}")
    return "\n".join(lines)
