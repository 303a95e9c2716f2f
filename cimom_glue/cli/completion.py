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

# The words so far without flags, cut from the right (values of flags) until they are a command.
_SEARCH = """\
    while true; do
        case "$seen" in
{cases}
        esac
        [[ -n $found || -z $seen ]] && break
        if [[ $seen == *" "* ]]; then seen="${{seen% *}}"; else seen=""; fi
    done"""
_BASH = """\
_xencim() {{
    local seen="" word found=""
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        [[ $word == -* ]] || seen="${{seen:+$seen }}$word"
    done
{search}
    mapfile -t COMPREPLY < <(compgen -W "$found" -- "${{COMP_WORDS[COMP_CWORD]}}")
}}
complete -o default -F _xencim xencim"""
_ZSH = """\
#compdef xencim
_xencim() {{
    local seen="" word found=""
    for word in ${{words[2,CURRENT-1]}}; do
        [[ $word == -* ]] || seen="${{seen:+$seen }}$word"
    done
{search}
    compadd -- ${{=found}}
    _files
}}
_xencim "$@"\
"""


def run(args: argparse.Namespace) -> int:
    """Write the script of one shell."""
    words = dict(_words(make_parser(), ""))
    templates = {"bash": _BASH, "zsh": _ZSH}
    template = templates.get(args.shell)
    print_line(template.format(search=_search(words)) if template else _fish(words))
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


def _search(words: Words) -> str:
    cases = (f'            "{path}") found="{" ".join(found)}" ;;' for path, found in words.items())
    return _SEARCH.format(cases="\n".join(cases))


def _fish(words: Words) -> str:
    lines = ["complete -c xencim -f"]
    for path, found in words.items():
        names = path.split()
        seen = [f"__fish_seen_subcommand_from {name}" for name in names]
        inner = [word for word in found if f"{path} {word}".strip() in words]
        unseen = [f"not __fish_seen_subcommand_from {' '.join(inner)}"] if inner else []
        condition = "; and ".join(seen + unseen)
        for word in found:
            what = f"-l {word[2:]}" if word.startswith("--") else f"-a {word}"
            lines.append(f"complete -c xencim -n '{condition}' {what}")
    return "\n".join(lines)
