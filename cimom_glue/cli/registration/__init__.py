"""`xencim register`, `unregister` and `status`: existing CIMOMs."""
