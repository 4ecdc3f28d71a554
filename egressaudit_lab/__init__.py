"""A mesh of real Envoy processes on this machine, behind a stand-in Kubernetes API."""
