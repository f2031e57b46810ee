"""What a session is: its id, its data as text, its timeouts, and the merge of two requests."""
