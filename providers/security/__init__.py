"""The security policy on a host: what is in force, who has which label, and what is refused."""
