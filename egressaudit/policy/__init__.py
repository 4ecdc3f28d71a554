"""The policy of an audit: which workload may reach which external host, and which way.

file ─▶ yaml_text ─▶ document, checks ─▶ rules.Policy ─▶ decide
flows, mesh ─▶ inference, mesh_inference ─▶ the text of a policy
"""

from egressaudit.policy.document import json_schema
from egressaudit.policy.inference import infer
from egressaudit.policy.loading import load_policy, parse_policy
from egressaudit.policy.mesh_inference import infer_from_mesh
from egressaudit.policy.rules import DEFAULT, Policy, PolicyRule, Waiver
from egressaudit.policy.starter import STARTER
from egressaudit.policy.trust_option import agree, parse_trust

__all__ = [
    "DEFAULT",
    "STARTER",
    "Policy",
    "PolicyRule",
    "Waiver",
    "agree",
    "infer",
    "infer_from_mesh",
    "json_schema",
    "load_policy",
    "parse_policy",
    "parse_trust",
]
