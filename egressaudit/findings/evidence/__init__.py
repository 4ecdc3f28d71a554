"""EA3xx: what could not be seen, and what the evidence does not prove. One rule in each file, named as its control."""
