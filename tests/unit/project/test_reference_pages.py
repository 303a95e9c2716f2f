"""The generated pages of docs are what `make docs` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.cli.reference.pages import PAGES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_up_to_date(page: str, repository: Path) -> None:
    written = (repository / "docs" / page).read_text("utf-8")
    assert written == PAGES[page](), f"`make docs` writes docs/{page}"
