"""Fixtures of the codec's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def check_valid(shared_dir: Path) -> Callable[..., None]:
    """Validate a reply against the DTDs of DSP0203, 2.4.0 and 2.3.1 where no other is named."""

    def check(reply: bytes, *versions: str) -> None:
        for version in versions or ("2.4.0", "2.3.1"):
            dtd = etree.DTD(str(shared_dir / "dtd" / f"DSP0203_{version}.dtd"))
            valid = dtd.validate(etree.fromstring(reply))
            assert valid, str(dtd.error_log)

    return check
