"""The security policy service of a host, and its methods called.

Source: Xen_SecurityPolicyService, asked of the running server by its Unix socket.
Errors: PolicyError with the server's findings when it refuses; CommandError when it cannot be asked.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pywbem

from xencim.acm.model import Finding, FindingKind, PolicyError, XsErr
from xencim.cimom_glue.cli.output import CommandError
from xencim.cimom_glue.cli.vm.asking import REFUSED, Host, hosts

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from pywbem import CIMInstance, CIMInstanceName

_SERVICE = "SecurityPolicyService"


@dataclass(frozen=True)
class Service:
    """The service of one host."""

    host: Host
    path: CIMInstanceName

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method, with what is not None, and return what it answers."""
        given = {name: value for name, value in parameters.items() if value is not None}
        code, out = self.host.connection.InvokeMethod(method, self.path, **given)
        if code:
            found = findings(out.get("Findings"))
            if found:
                raise PolicyError(found)
            raise CommandError(f"{method}: {REFUSED.get(code, f'the server answers {code}')}")
        return dict(out)

    def policy(self) -> CIMInstance | None:
        """Return the policy in force, None when there is none."""
        return next(iter(self.host.instances("ACMPolicy")), None)

    def needed_policy(self) -> CIMInstance:
        """Return the policy in force; CommandError when there is none."""
        policy = self.policy()
        if policy is None:
            raise CommandError("no policy is in force", hint="`xencim policy apply FILE` puts one in force")
        return policy

    def module(self) -> CIMInstance:
        """Return what decides, and in which mode."""
        [module] = self.host.instances("ACMSecurityModule")
        return module


@contextmanager
def service(args: argparse.Namespace) -> Iterator[Service]:
    """Connect to the server, and find the service of the host that a command names, or of the only one."""
    with hosts(args) as served:
        wanted = [host for host in served if args.namespace in {None, host.namespace}]
        if len(wanted) != 1:
            known = ", ".join(sorted({host.namespace for host in served}))
            problem = "several hosts are served" if wanted else f"no host is at {args.namespace!r}"
            raise CommandError(problem, hint=f"--namespace names one of {known}")
        [path] = wanted[0].names(_SERVICE)
        yield Service(wanted[0], path)


def findings(told: Sequence[CIMInstance] | None) -> tuple[Finding, ...]:
    """Return findings as the server tells them."""
    return tuple(
        Finding(
            FindingKind(int(one["Kind"])),
            one["Message"],
            XsErr(int(one.get("XSErr", 0))),
            int(one.get("HypervisorCode", 0)),
            line=None if one.get("Line") is None else int(one["Line"]),
            element=one.get("Element"),
            rule=one.get("RuleName"),
            labels=tuple(one.get("Labels") or ()),
            types=tuple(one.get("Types") or ()),
            machines=tuple(one.get("Machines") or ()),
        )
        for one in told or ()
    )


def number(value: int) -> pywbem.Uint16:
    """Return a number as ValueMaps have it."""
    return pywbem.Uint16(value)
