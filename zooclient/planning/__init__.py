"""A record, wishes and what is held become a plan. Pure: no file, no socket, no clock."""
