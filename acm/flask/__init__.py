"""ACM policies for Xen's FLASK: compiled, proven, and contexts told in ACM's words."""
