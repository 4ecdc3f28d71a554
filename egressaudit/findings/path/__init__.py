"""EA1xx: the path that traffic took. One rule in each file, named as its control."""
