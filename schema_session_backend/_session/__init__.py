"""What a session is: its id, its data as text, its timeouts, and how the changes of two requests are merged."""
