"""EA2xx: who sent the traffic, and what the sender called the host. One rule in each file, named as its control."""
