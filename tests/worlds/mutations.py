"""The judge with one rule left out, each time another one: worlds and tests must notice.

`tools/mutations.py` applies each of these to a copy of the package. `test_mutations.py` holds that the old text of each is in
its file exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """One rule less: in `file`, below `egressaudit/`, the text `old` is replaced by `new`."""

    name: str
    file: str
    old: str
    new: str


FATE, PLACES, GROUPS, ROLES = "judge/fate.py", "mesh/places.py", "judge/groups.py", "mesh/roles.py"

MUTATIONS = (
    # What one line proves.
    Mutation("UF proves it although it was retried", FATE, 'return not facts.request or "URX" not in flags or facts.place is not Place.OUTSIDE', "return True"),
    Mutation("no socket of its own proves that nothing left", FATE, 'if facts.own or facts.mixed or _answered(facts) or "UF" not in flags:', "if facts.own or _answered(facts):"),
    Mutation("UF proves it although it had a socket", FATE, 'if facts.own or facts.mixed or _answered(facts) or "UF" not in flags:', 'if "UF" not in flags:'),
    Mutation("UF proves it although the cluster has endpoints elsewhere", FATE, "facts.own or facts.mixed or _answered", "facts.own or _answered"),
    Mutation("a retry that ends inside proves that nothing left", FATE, "OTHER_ENDPOINTS) if facts.mixed else _INSIDE", "OTHER_ENDPOINTS) if False else _INSIDE"),
    Mutation("a node's address is inside where a pod has it", PLACES, "for pod in world.pods if not pod.host_network for each", "for pod in world.pods for each"),
    Mutation("a refusal proves it although an address was chosen", FATE, "    if facts.place is Place.NONE:\n        return _nowhere(facts)\n", '    if word := refusal(facts):\n        return LineFate(Fate.REFUSED, Path.BLOCKED, word)\n    if facts.place is Place.NONE:\n        return LineFate(Fate.NOT_LEFT, Path.FAILED, "no-upstream")\n'),
    Mutation("foreign lines count", FATE, "    if facts.foreign:\n        return _FOREIGN\n    if facts.came_in", "    if facts.came_in"),
    Mutation("what came in stays in", FATE, "if facts.came_in and facts.place in (Place.NONE, Place.INSIDE, Place.ODD):", "if facts.came_in:"),
    Mutation("no address needs to be proven outside", FATE, "    if unproven := _unproven_place(facts):\n        return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, unproven)\n    return _to_outside(facts)", "    return _to_outside(facts)"),
    Mutation("the last attempt stands for all, to a proxy", FATE, "LineFate(Fate.ONWARD, reason=OTHER_ENDPOINTS) if facts.mixed else _ONWARD", "_ONWARD"),
    Mutation("the last attempt stands for all, to outside", FATE, 'LineFate(Fate.LEFT, path, OTHER_ENDPOINTS if facts.mixed else "")', "LineFate(Fate.LEFT, path)"),
    Mutation("a gateway's line needs no cluster with a host", FATE, 'if not facts.host or facts.kind not in ("outbound", "inbound-vip"):', "if False:"),
    Mutation("an inner address is inside, whatever its host", FATE, 'return facts.kind not in ("outbound", "inbound-vip") or facts.service not in ("", "gateway", "gone")', "return True"),
    Mutation("a ztunnel's inner address is inside, whatever its host", FATE, '"inside-address") if hidden else _INSIDE', '"inside-address") if False else _INSIDE'),
    Mutation("an error of a ztunnel proves that nothing left", FATE, "if facts.error.startswith(_NOT_CONNECTED) and not facts.moved:", "if facts.error:"),
    Mutation("handed on to a proxy needs no socket", FATE, "    if facts.own:\n        return LineFate(Fate.ONWARD", "    if True:\n        return LineFate(Fate.ONWARD"),
    # Where an address leads.
    Mutation("special addresses are outside", PLACES, "    if _is_special(known):\n        return Place.SPECIAL\n", ""),
    Mutation("private addresses are outside", PLACES, "return Place.OUTSIDE if ranges_known or _is_public(known) else Place.PRIVATE", "return Place.OUTSIDE"),
    Mutation("the ranges of the cluster are outside", PLACES, "        if owner is not None:\n            return _OWNERS[owner]\n", ""),
    Mutation("Services without pods are inside", PLACES, "inside=proven.balanced", "inside=service_addresses(world.objects)"),
    Mutation("any Service has pods behind it", PLACES, 'return self.endpoints.get(".".join(parts[:3]), "gone")', 'return "pods-only"'),
    Mutation("a cluster's name proves the host though the sender chose the address", "mesh/services/cluster_ends.py", "by_sender=facts.chooser is Chooser.SENDER", "by_sender=False"),
    # Whose line it is, and which lines are of one flow.
    Mutation("strangers' lines count", "join/engines/duckdb/rules/hops.sql", "  AND NOT is_stranger(signatures.role, came_in, anybody, own.sender, logs.node, senders.node)", ""),
    Mutation("a proxy's sockets may be another pod's", "join/engines/duckdb/rules/envoy.sql", "foreign_to(mine.log, sent.ip) OR (logs.role = 'egress-gateway' AND foreign_to(here.log, dialed_at.ip)) AS is_foreign", "false AS is_foreign"),
    Mutation("one line answers for many tunnels", "join/engines/duckdb/rules/tunnels.sql", "WHERE NOT has_line OR place > coalesce(lines, 0)", "WHERE NOT has_line"),
    Mutation("one line answers for many requests", "join/engines/duckdb/rules/pooled.sql", "WHERE touches.sends AND stretches.senders > stretches.receivers", "WHERE touches.sends AND stretches.receivers = 0"),
    Mutation("requests of a gateway's line are not missed", "join/engines/duckdb/rules/pooled.sql", "WHERE place > receivers;", "WHERE false;"),
    Mutation("a retry does not follow the connection", "join/engines/duckdb/rules/flows.sql", "CASE WHEN stretches.doubt AND signatures.fate IN ('left', 'refused') THEN 'other-endpoints' END AS ending", "NULL::VARCHAR AS ending"),
    Mutation("a flow belongs to where it began", "join/engines/duckdb/rules/groups.sql", "until >= $start AND t < $end AS inside", "t >= $start AND t < $end AS inside"),
    Mutation("a gateway's line needs no source", "join/engines/duckdb/rules/groups.sql", "CASE WHEN path IN ('via-gateway', 'via-waypoint') AND confidence = 'reported' THEN 'unattributed' ELSE path END AS path", "path"),
    Mutation("what a debug line opened is nothing", "join/engines/duckdb/rules/ztunnel.sql", "    OR (direction = 'outbound' AND dst_hbone_addr IS NULL AND places.port <> 15008 AND places.place = 'outside')\n", ""),
    Mutation("the log of a pod that has ended is another's", "join/engines/duckdb/store.py", "self._new_own += [(number, each) for each in pod.own_addresses]", "self._new_own += [(number, each) for each in pod.addresses]"),
    Mutation("a Service's name hides an address that the sender chose", "join/engines/duckdb/rules/envoy.sql", "CASE WHEN by_sender AND places.place = 'outside' THEN '' ELSE coalesce(clusters.service, '') END AS service", "coalesce(clusters.service, '') AS service"),
    # What it is worth.
    Mutation("no name, and any default allows it", GROUPS, 'if ruling.code == "EA406" or _is_nameless_and_allowed(group, ruling):', 'if ruling.code == "EA406":'),
    Mutation("a rule asks of the last endpoint alone", GROUPS, "        ruling = next(_tried_elsewhere(group, decide, tried), ruling)\n", "        pass\n"),
    Mutation("only the host counts, not what was reached", GROUPS, "worst = min([own, *reached], key=_rank)", "worst = own"),
    Mutation("what a sender says never tells against it", GROUPS, "if against and group.path in _NAMED_COUNTS:", "if False:"),
    Mutation("one allowed hop is enough", GROUPS, "if not group.via or not set(group.via) <= {*decision.via, *decision.passing}:", "if not group.via:"),
    Mutation("the last hop need not be allowed", GROUPS, "return group.via[-1] in decision.via or (not decision.rule and bool(set(group.via) & set(decision.via)))", "return bool(set(group.via) & {*decision.via, *decision.passing})"),
    Mutation("what may have left did not", "judge/outcome.py", 'return Worth(Outcome.INCONCLUSIVE, "EA314") if found.outcome is Outcome.FAIL else not_left', "return not_left"),
    Mutation("a retry elsewhere leaves a PASS", "judge/outcome.py", "if reason == OTHER_ENDPOINTS and found.outcome is Outcome.PASS:", "if False:"),
    # Who may speak.
    Mutation("ztunnel needs no proof", ROLES, "why = self._no_ztunnel(marks, chain)", 'why = ""'),
    Mutation("a broken chain of owners proves a role", ROLES, '        if chain.broken:\n            return None, "", chain.broken\n', ""),
    Mutation("a waypoint needs no Gateway", ROLES, 'if chain.workload is None and chain.top[0] == "Deployment":', "if chain.top[1] is not None:"),
    Mutation("any pod of a proxy alone is a gateway", ROLES, "if marks.namespace in self._trusted_namespaces:", "if True:"),
    Mutation("the injector's mark makes no sidecar", ROLES, "if marks.injected and not by_template:", "if False:"),
    # The evidence itself.
    Mutation("a gap in a log is no gap", "findings/coverage/window_coverage.py", "gaps = tuple(time.gaps()) if running and logs else ()", "gaps: tuple[str, ...] = ()"),
    Mutation("files need not be as they were collected", "findings/evidence_problems.py", "mismatched=check.mismatched,", "mismatched=(),"),
    Mutation("kinds that were not read do not count", "findings/evidence_problems.py", "unread=tuple((each.kind, each.reason) for each in mesh.unread() if each.counts)", "unread=()"),
    Mutation("copies may say something else", "findings/evidence_problems.py", "copies=tuple((str(log.source), log.path, log.changed) for log in read.logs if log.changed)", "copies=()"),
    Mutation("mirrors do not count", "pipeline/audit.py", "mirrors=mirrored(mesh, groups, hops.engine.inside_hosts())", "mirrors=()"),
    Mutation("EnvoyFilters do not count", "findings/evidence_problems.py", "filters=_filters(mesh, chosen)", "filters=()"),
)  # fmt: skip
