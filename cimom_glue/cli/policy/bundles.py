"""`xencim policy keygen`, `export` and `verify`: policies in signed bundles."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from xencim.acm.binary import MAGIC_BYTES, compile_policy, write_map
from xencim.acm.bundles import TrustStore, create_bundle, load_private_key, make_key, verify_bundle
from xencim.acm.language import document_sha1, read_policy
from xencim.cimom_glue.cli.output import CommandError, Exit, print_json, print_line
from xencim.cimom_glue.cli.policy.files import check_output, load, read, write
from xencim.cimom_glue.cli.policy.findings import telling

if TYPE_CHECKING:
    import argparse

_OWNER_ONLY = 0o600


def keygen(args: argparse.Namespace) -> int:
    """Make a key pair: the private key in a file that only its owner reads, the public one beside it."""
    private, public = make_key()
    place = Path(args.key)
    beside = place.with_suffix(".pub.pem")
    try:
        # An existing key is never overwritten: bundles signed with it would be lost to their readers.
        number = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except OSError as error:
        raise CommandError(f"{place}: {error.strerror}", code=Exit.USAGE) from error
    with os.fdopen(number, "wb") as file:
        file.write(private)
    write(str(beside), public)
    if args.json:
        print_json({"private": str(place), "public": str(beside)})
    else:
        print_line(f"private key: {place}")
        print_line(f"public key, for the trust store of those who verify: {beside}")
    return Exit.DONE


@telling
def export(args: argparse.Namespace) -> int:
    """Write the signed bundle of a policy, with its binary and map where it has these."""
    check_output(args)
    document = read(args.file)
    if document.startswith(MAGIC_BYTES):
        raise CommandError(
            f"{args.file} is a binary; a bundle is made of a policy's document",
            hint="`xencim policy decompile` makes one of it",
            code=Exit.USAGE,
        )
    policy = read_policy(document, args.file)
    others = {}
    if policy.ste_types or policy.chinese_wall_types:
        others["policy.bin"] = compile_policy(policy, xml_sha1=document_sha1(document))
        others["policy.map"] = write_map(policy, policy_file="policy.xml", binary_file="policy.bin")
    for path in args.add:
        others[Path(path).name] = read(path)
    key = load_private_key(Path(args.key), key_password())
    bundle = create_bundle(document, key, datetime.now(UTC), others)
    write(args.output, bundle)
    if args.json:
        print_json({"file": args.output, "policy": policy.name, "version": str(policy.header.version)})
    return Exit.DONE


@telling
def verify(args: argparse.Namespace) -> int:
    """Tell whether a bundle is signed by someone trusted, whole, and newer than a policy."""
    trust = TrustStore.load(Path(args.trust))
    in_force = None if args.in_force is None else load(args.in_force).policy
    bundle = verify_bundle(read(args.bundle), trust, in_force)
    header = bundle.policy.header
    if args.output is not None:
        write(args.output, bundle.document)
    if args.json:
        print_json(
            {
                "policy": header.name,
                "version": str(header.version),
                "signer": bundle.signer,
                "created": bundle.created,
                "files": sorted(bundle.files),
            }
        )
        return Exit.DONE
    print_line(f"{header.name} {header.version}, signed by {bundle.signer} ({bundle.created})")
    print_line(f"files: {', '.join(sorted(bundle.files))}")
    return Exit.DONE


def key_password() -> bytes | None:
    """Return the password of the private key: from the environment, never from the command's words."""
    with suppress(KeyError):
        return os.environ["XENCIM_KEY_PASSWORD"].encode()
    return None
