"""Prove which way a request left an Istio mesh, from the proxies' own access logs."""

__version__ = "0.1.0"
