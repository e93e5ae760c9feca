"""The process and its device: precision, memory, ending with the parent, and how to reach a Ray cluster."""
