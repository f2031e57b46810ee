"""What a row is: the declared table, the values that its columns take, and the translation of sessions."""
