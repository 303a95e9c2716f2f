"""What is kept of the security policy: documents, history, labels of objects."""
