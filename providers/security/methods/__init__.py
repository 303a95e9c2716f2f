"""The methods of the security policy service."""
