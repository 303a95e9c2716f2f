"""What the pools of processors, memory, storage and networks have in common."""
