"""`xencim config show`: every setting in force, and where its value came from; secrets are masked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from xencim.cimom_glue.cli.output import Exit, print_json, print_line, print_table
from xencim.cimom_glue.cli.settings import load_settings

if TYPE_CHECKING:
    import argparse


def show(args: argparse.Namespace) -> int:
    """Print the settings."""
    loaded = load_settings(args)
    if args.json:
        print_json(
            {
                "file": str(loaded.file) if loaded.file else None,
                "settings": {s.key: {"value": s.shown, "from": s.origin} for s in loaded.settings},
            }
        )
        return Exit.DONE
    print_line(f"file: {loaded.file or 'none'}")
    rows = ((s.key, _text(s.shown), s.origin) for s in loaded.settings)
    print_table(("SETTING", "VALUE", "FROM"), rows)
    return Exit.DONE


def _text(value: object) -> str:
    return "(not set)" if value is None else json.dumps(value, ensure_ascii=False)
