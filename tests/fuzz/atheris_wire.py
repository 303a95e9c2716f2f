"""A longer hunt in the request parser, coverage-guided: needs the package ``atheris``.

    python tests/fuzz/atheris_wire.py -max_total_time=600 CORPUS_FOLDER

Anything but a message or a `MalformedRequest` stops it with the input that did it.
"""

from __future__ import annotations

import contextlib
import sys

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["xencim.cimom_glue.wire"]):
    from xencim.cimom_glue.wire import MalformedRequest, decode


def one_input(data: bytes) -> None:
    """Decode one input."""
    with contextlib.suppress(MalformedRequest):
        decode(data, {})


def main() -> None:
    """Run until stopped."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
