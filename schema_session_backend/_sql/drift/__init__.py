"""The table in the database beside the declared one: what differs, what adds it, what has to be decided."""
