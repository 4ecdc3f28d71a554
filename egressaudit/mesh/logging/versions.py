"""Which proxies are older than the fix of CVE-2024-45808: whoever speaks TLS to them can forge lines of a text log.

Envoy before 1.28.7, 1.29.9, 1.30.6 and 1.31.2 writes %REQUESTED_SERVER_NAME% as it was sent, even quotes and newlines
(envoyproxy/envoy GHSA-p222-xhp9-39rc, changelogs/1.31.2.yaml). JSON logs escape it. Istio has the fix since 1.21.6,
1.22.5 and 1.23.2 (istio.io, ISTIO-SECURITY-2024-006 and announcing-1.21.6), OpenShift Service Mesh since 2.6.2, the
first with Envoy 1.28.7 (openshift/openshift-docs modules/ossm-release-2-6-2.adoc); its 3.0 has Envoy 1.32 (its
release notes, "Version support tables").

The version comes from the tag of the proxy's image, in the pod's spec or as the node names it. That is what the
deployer claims, not proof: Envoy does not write its version into an access log, and asking its admin port needs
permissions that we do not request. Labels of charts and revisions are not read: they name the control plane, which may
differ. A digest contains no version.

In: `istio/proxyv2:1.22.3`. Out: `Standing.VULNERABLE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from egressaudit.mesh.apis import CORE, TELEMETRY
from egressaudit.mesh.logging.log_formats import formats_in_use
from egressaudit.mesh.modes.blind_spots import expected_logs
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.untyped import rows, text
from egressaudit.mesh.world import World
from egressaudit.model import PROXY_CONTAINER, Family, LogSource


class Standing(StrEnum):
    """Whether a proxy has the fix, as far as its image's tag tells."""

    FIXED = "known-fixed"
    VULNERABLE = "known-vulnerable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProxyVersion:
    """Whether a proxy has the fix, and the image (`proxyv2:1.22.3`) that says so, '' if none does."""

    standing: Standing
    image: str = ""


_IMAGE = re.compile(r"(?:.*/)?(?P<name>[a-z0-9._-]+):(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})(?:@.*)?", re.DOTALL)
"""An image's name as distribution/reference defines it; without a tag it shows no version."""
_TAG = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?(?P<more>(?:[-_.].*)?)")
_BEFORE_RELEASE = re.compile(r"[-_.](?:alpha|beta|rc|dev|pre|tp)", re.IGNORECASE)
_SAME_BUILD = ("", "-distroless", "-debug")
"""Behind a version, what says nothing of which commit it is of: `1.24` is any release, `1.24-4f2c...` may be before."""

_ISTIO_FIXED = {21: 6, 22: 5, 23: 2}
"""The first patch release of each minor with the fix. Earlier minors never got it, later ones always had it."""
_ISTIO_ALWAYS = 24
_OPENSHIFT_FIXED = {6: 2}
_OPENSHIFT_UNSAID = {4: 11, 5: 5}
"""From here on Red Hat names no Envoy that has the fix, and speaks of CVEs that are addressed: it may be there."""


def version_of(images: Iterable[str]) -> ProxyVersion:
    """What the names of a proxy's image show. If they differ, the older version counts."""
    found = [each for each in map(_of_image, images) if each is not None]
    order = (Standing.VULNERABLE, Standing.FIXED, Standing.UNKNOWN)
    return min(found, key=lambda each: (order.index(each.standing), each.image), default=ProxyVersion(Standing.UNKNOWN))


def proxy_versions(world: World) -> dict[LogSource, ProxyVersion]:
    """The version of every Envoy that writes a log, by its log; sorted. Without ztunnels, which are not Envoys."""
    found = {}
    for log, reporter in expected_logs(world):
        pod = world.objects.one(CORE, "Pod", log.namespace, log.pod)
        if reporter.family is Family.ENVOY and pod is not None:
            found[log] = version_of(_images(pod))
    return found


def proxy_tags(pod: Obj) -> tuple[str, ...]:
    """The tags of the images of a pod's proxy: `1.27.1`. An image that is named by its digest has none."""
    named = (_IMAGE.fullmatch(each) for each in _images(pod))
    return tuple(each["tag"] for each in named if each is not None)


def may_log_text(objects: Objects) -> bool:
    """Whether some proxy may write text by the configuration; False only where everything that is in use is JSON."""
    formats = formats_in_use(objects.config, [each.spec for each in objects.all(TELEMETRY, "Telemetry")])
    return not formats or any(each.labels is None for each in formats)


def _images(pod: Obj) -> list[str]:
    parts: list[tuple[Mapping[str, object], str]] = [
        *((pod.spec, part) for part in ("containers", "initContainers")),
        # Of an image that is named by its digest the node may know a tag.
        *((pod.status, part) for part in ("containerStatuses", "initContainerStatuses")),
    ]
    containers = (each for place, part in parts for each in rows(place.get(part)))
    return [text(each.get("image")) for each in containers if each.get("name") == PROXY_CONTAINER]


def _of_image(image: str) -> ProxyVersion | None:
    named = _IMAGE.fullmatch(image)
    # The numbers of any other image are not Istio's.
    if named is None or not any(each in named["name"] for each in ("proxyv2", "istio-proxy")):
        return None
    tag = _TAG.fullmatch(named["tag"])
    if tag is None:
        return None
    major, minor = int(tag[1]), int(tag[2])
    patch = None if tag[3] is None else int(tag[3])
    rule = _RULES.get(major)
    standing = Standing.UNKNOWN if rule is None else rule(minor, patch, tag["more"])
    return ProxyVersion(standing, f"{named['name']}:{named['tag']}")


def _istio(minor: int, patch: int | None, more: str) -> Standing:
    """A vendor's build counts by its version, even if the vendor backported the fix: its name does not show that."""
    unfinished = _BEFORE_RELEASE.match(more) is not None
    if minor > _ISTIO_ALWAYS:
        return Standing.FIXED
    if minor == _ISTIO_ALWAYS:
        # Its first alpha builds are of before the fix.
        early = unfinished and not patch
        return Standing.UNKNOWN if early or (patch is None and more not in _SAME_BUILD) else Standing.FIXED
    fixed = _ISTIO_FIXED.get(minor)
    if fixed is None or (unfinished and not patch):
        return Standing.VULNERABLE
    return _against(fixed, patch, unfinished=unfinished)


def _openshift_2(minor: int, patch: int | None, more: str) -> Standing:
    if minor < min(_OPENSHIFT_UNSAID):
        return Standing.VULNERABLE
    if minor in _OPENSHIFT_UNSAID:
        old = patch is not None and patch < _OPENSHIFT_UNSAID[minor]
        return Standing.VULNERABLE if old else Standing.UNKNOWN
    fixed = _OPENSHIFT_FIXED.get(minor)
    return Standing.UNKNOWN if fixed is None else _against(fixed, patch, unfinished=bool(_BEFORE_RELEASE.match(more)))


def _openshift_3(minor: int, patch: int | None, more: str) -> Standing:
    early = minor == 0 and not patch and _BEFORE_RELEASE.match(more) is not None
    return Standing.UNKNOWN if early else Standing.FIXED


_RULES = {1: _istio, 2: _openshift_2, 3: _openshift_3}
"""By major version: Istio has 1, OpenShift Service Mesh 2 and 3 (maistra's images are tagged as the product is)."""


def _against(fixed: int, patch: int | None, *, unfinished: bool) -> Standing:
    if patch is None or (patch == fixed and unfinished):
        return Standing.UNKNOWN
    return Standing.VULNERABLE if patch < fixed else Standing.FIXED
