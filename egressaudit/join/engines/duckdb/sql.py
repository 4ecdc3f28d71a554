"""The SQL of this engine: the texts of `rules/`, and the macros by which they ask about a proxy's role.

In: the name of a rule, e.g. `chains`. Out: the SQL in `rules/chains.sql`.
"""

from __future__ import annotations

from importlib.resources import files

from egressaudit.model import Family, Reporter


def rule(name: str) -> str:
    """The text of `rules/NAME.sql`."""
    return (files("egressaudit.join.engines.duckdb") / "rules" / f"{name}.sql").read_text(encoding="utf-8")


def of_roles() -> str:
    """What the rules ask of a role, as macros; the properties of `Reporter` answer.

    `CREATE MACRO leads_out(role) AS role IN ('egress-gateway', 'waypoint');`
    """
    asked = {
        "leads_out": [each for each in Reporter if each.path is not None],
        "at_source": [each for each in Reporter if each.at_source],
        "is_envoy": [each for each in Reporter if each.family is Family.ENVOY],
    }
    return "".join(f"CREATE MACRO {name}(role) AS role IN ({_listed(roles)});\n" for name, roles in asked.items())


def _listed(roles: list[Reporter]) -> str:
    return ", ".join(f"'{each}'" for each in roles)
