"""Web sessions in a table that can be searched: declared fields in real columns, the rest in one more."""
