"""`xencim policy`: a security policy checked, shown, compiled, compared and signed, without a server."""
