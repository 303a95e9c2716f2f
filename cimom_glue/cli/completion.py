"""`xencim completion`: completion scripts, generated from the parser so that they know what it knows."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.output import Exit, print_line
from xencim.cimom_glue.cli.parser import make_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

# The words that may follow, by the words before: "user add" -> ["--group", …]; or by a flag that takes a
# value: "--anonymous" -> ["none", "read"], nothing for a flag whose value may be anything.
Words = dict[str, list[str]]

# A flag's values; else the words so far without flags, cut from the right (values) until they are a command.
_SEARCH = """\
    case "$word" in
{values}
    *) while true; do
        case "$seen" in
{cases}
        esac
        [[ -n $found || -z $seen ]] && break
        if [[ $seen == *" "* ]]; then seen="${{seen% *}}"; else seen=""; fi
    done ;;
    esac"""
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
    values: Words = {}
    words = dict(_words(make_parser(), "", values))
    templates = {"bash": _BASH, "zsh": _ZSH}
    template = templates.get(args.shell)
    print_line(template.format(search=_search(words, values)) if template else _fish(words, values))
    return Exit.DONE


def _words(parser: argparse.ArgumentParser, path: str, values: Words) -> Iterator[tuple[str, list[str]]]:
    """Yield what may follow each command, and add the values of flags to ``values``."""
    found: list[str] = []
    # argparse offers no public way to list what a parser knows; these names have been stable.
    for action in parser._actions:  # noqa: SLF001
        flags = [option for option in action.option_strings if option.startswith("--")]
        found.extend(flags)
        if action.nargs != 0:
            # A metavar has words as they are typed in small letters: none|read, PATH|off.
            literals = [word for word in str(action.metavar).split("|") if word.islower()]
            values.update(dict.fromkeys(flags, literals))
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, child in action.choices.items():
                found.append(name)
                yield from _words(child, f"{path} {name}".strip(), values)
        elif action.choices and not action.option_strings:
            found.extend(map(str, action.choices))
    yield path, found


def _search(words: Words, values: Words) -> str:
    cases = (f'            "{path}") found="{" ".join(found)}" ;;' for path, found in words.items())
    flags = (f'    {flag}) found="{" ".join(found)}" ;;' for flag, found in values.items())
    return _SEARCH.format(values="\n".join(flags), cases="\n".join(cases))


def _fish(words: Words, values: Words) -> str:
    lines = ["complete -c xencim -f"]
    for path, found in words.items():
        names = path.split()
        seen = [f"__fish_seen_subcommand_from {name}" for name in names]
        inner = [word for word in found if f"{path} {word}".strip() in words]
        unseen = [f"not __fish_seen_subcommand_from {' '.join(inner)}"] if inner else []
        condition = "; and ".join(seen + unseen)
        for word in found:
            what = f"-l {word[2:]}" if word.startswith("--") else f"-a {word}"
            if literals := values.get(word):
                what += f" -x -a '{' '.join(literals)}'"
            elif word in values:
                what += " -r -F"
            lines.append(f"complete -c xencim -n '{condition}' {what}")
    return "\n".join(lines)
