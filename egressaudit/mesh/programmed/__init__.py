"""What a proxy itself has been told: its `config_dump`, read as Envoy reads it.

    config_dump ──▶ dumped ──▶ listener, filter chain, route, cluster ──▶ model.Step

Objects say what istiod should make of them; a dump says what this proxy has. It comes from the proxy's own pod, so
whoever may change that pod may change the answer: it explains a verdict, and never decides one.
"""

from egressaudit.mesh.programmed.dumped import Dumped, dumped, route_tables
from egressaudit.mesh.programmed.programmed_step import programmed_step

__all__ = ["Dumped", "dumped", "programmed_step", "route_tables"]
