"""Choices of a step in words, and worlds of manifests of one age: what tests of routes have in common."""

from __future__ import annotations

from copy import deepcopy

from egressaudit.mesh.objects import Objects
from egressaudit.mesh.trim import trim
from egressaudit.mesh.world import World
from egressaudit.model import Choice
from support.mesh import Manifest


def shown(choice: Choice) -> str:
    """A choice in a line."""
    clusters = [each.cluster if each.weight == 100 else f"{each.cluster}={each.weight}" for each in choice.to]
    authority = ["as", choice.authority] if choice.authority else []
    tunnel = ["tunnel", choice.tunnel] if choice.tunnel else []
    when = [f"[{', '.join(choice.when)}]"] if choice.when else []
    words = [choice.act.value, choice.route or "-", *clusters, *authority, *tunnel, *when, choice.reason]
    return " ".join(each for each in words if each)


def world_of(*manifests: Manifest) -> World:
    """The world of these objects, as a snapshot keeps them; all as old as each other, where they do not say."""
    listed = [deepcopy(each) for each in manifests]
    for each in listed:
        each["metadata"].setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
    return World.of(Objects.of([trim(each) for each in listed]))
