"""What a session is: its id, its data, its timeouts, its text form, and the merge of two requests."""
