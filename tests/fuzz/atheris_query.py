"""A longer hunt in the query parsers, coverage-guided: needs the package ``atheris``.

    python tests/fuzz/atheris_query.py -max_total_time=600 CORPUS_FOLDER

The first byte chooses among the languages, the rest is the query. Anything but a query or one of the errors
that a client may get stops it with the input that did it.
"""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["xencim.providers.core.query"]):
    from xencim.providers.core.errors import CimError, Status
    from xencim.providers.core.query import parse_filter, parse_query

LANGUAGES = ("WQL", "DMTF:CQL", "DMTF:FQL")
ALLOWED = frozenset({Status.INVALID_QUERY, Status.QUERY_FEATURE_NOT_SUPPORTED, Status.SERVER_LIMITS_EXCEEDED})


def one_input(data: bytes) -> None:
    """Parse one input."""
    language = LANGUAGES[data[0] % len(LANGUAGES)] if data else LANGUAGES[0]
    text = data[1:].decode("utf-8", "replace")
    try:
        if language == "DMTF:FQL":
            parse_filter(language, text)
        else:
            parse_query(language, text)
    except CimError as error:
        if error.status not in ALLOWED:
            raise


def main() -> None:
    """Run until stopped."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
