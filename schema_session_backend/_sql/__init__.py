"""How it runs: the statements, the connections they run on, and what differs between databases."""
