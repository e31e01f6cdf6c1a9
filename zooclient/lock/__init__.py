"""What a project depends on: the models that it names, and the lock that says which bytes they are."""
