"""EA4xx: the policy and the mesh configuration. One rule in each file, named as its control."""
