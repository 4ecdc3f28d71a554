"""The proxies of the lab: real Envoys with the configuration that istiod would write, and a stand-in for ztunnel."""
