"""What tests of several rooms share: a small mesh, lines of its proxies, and labs."""
