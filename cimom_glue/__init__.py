"""How answers reach clients: wire formats, the embedded server, the command line."""
