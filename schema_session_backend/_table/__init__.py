"""What a row is: the table as it was declared, what its columns take, and a session's way there and back."""
