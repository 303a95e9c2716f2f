"""Consoles of machines: where they are reached, and what goes to and comes from a guest past its programs.

Source: DSP1076 1.0 (KVM redirection), DSP1024 1.0 (text console redirection).
"""

from xencim.providers.consoles import keys, kvm_redirection_sap, text_redirection_sap

SPECS = (kvm_redirection_sap.SPEC, text_redirection_sap.SPEC)
RECONCILERS = keys.RECONCILERS

__all__ = ("RECONCILERS", "SPECS")
