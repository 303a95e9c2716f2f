"""The `xencim` command."""
