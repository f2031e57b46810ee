"""Servers that fail under load, and what became of every write that they had acknowledged: `make faults`."""
