"""Writes the generated pages of docs: the classes with every property, the settings, the manual page.

`python -m xencim.cimom_glue.cli.reference [--check] [DIR]`; with ``--check`` nothing is written and the
exit code is 1 when a page is not what would be written.

Errors: LookupError naming each property that is neither filled nor explained.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from xencim.cimom_glue.cli.output import Exit, complain, print_line
from xencim.cimom_glue.cli.reference.classes import classes_page
from xencim.cimom_glue.cli.reference.manual import manual_page
from xencim.cimom_glue.cli.reference.settings import settings_page

PAGES = {
    "reference/classes.md": classes_page,
    "reference/settings.md": settings_page,
    "man/xencim.8": manual_page,
}


def main() -> int:
    """Write or check the pages."""
    parser = argparse.ArgumentParser(description="Write the generated pages of docs.")
    parser.add_argument("--check", action="store_true", help="only tell whether the pages are up to date")
    parser.add_argument("dir", nargs="?", type=Path, default=Path("docs"), metavar="DIR")
    args = parser.parse_args()
    pages = {args.dir / name: make() for name, make in PAGES.items()}
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if args.check:
            complain(f"{path} is not up to date", "`make docs` writes it")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages[path], "utf-8")
        print_line(f"wrote {path}")
    return Exit.FAILED if args.check and stale else Exit.DONE
