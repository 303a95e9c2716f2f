"""`xencim vm`: the common actions on machines, each one call of a method that every client has."""
