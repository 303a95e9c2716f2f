"""The policy language: documents read, checked, written."""

from xencim.acm.language.digest import document_sha1
from xencim.acm.language.lint import lint
from xencim.acm.language.reader import Document, read_document, read_policy
from xencim.acm.language.writer import write_policy

__all__ = ["Document", "document_sha1", "lint", "read_document", "read_policy", "write_policy"]
