"""`xencim policy` on a host: the policy in force changed and asked, through the running server."""
