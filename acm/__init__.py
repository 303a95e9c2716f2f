"""Mandatory access control policies (ACM and XSM/FLASK)."""
