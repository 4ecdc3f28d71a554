"""What the options of `verify` ask for: hosts, sources and a policy, checked before the cluster is contacted.

In: `VerifyOptions`. Out: an `AskedFor`; UsageError says what cannot be. Example: `--host a.example --host b.example`
gives two targets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from egressaudit.cli.probe_pod_options import check_own_pod, wanted_pod
from egressaudit.cli.verify_options import VerifyOptions
from egressaudit.errors import UsageError

if TYPE_CHECKING:
    from egressaudit.model import Target
    from egressaudit.pipeline.bypass import BypassSettings
    from egressaudit.policy import Policy, PolicyRule
    from egressaudit.probe.source import SourceChoice


@dataclass(frozen=True, slots=True)
class AskedFor:
    """Targets and rules whose hosts are probed, the policy that decides, and the sources in the order as given."""

    targets: tuple[Target, ...]
    rules: tuple[PolicyRule, ...]
    policy: Policy | None
    policy_text: bytes
    sources: tuple[SourceChoice, ...]
    """Those that were named; none for a probe pod of our own, or for the workloads that the policy's rules match."""

    def placed(self, namespace: str, own: SourceChoice) -> tuple[SourceChoice, ...]:
        """The sources in this namespace; `own` where nothing says what to send from."""
        if self.sources or self.of_policy:
            return tuple(replace(each, namespace=namespace) for each in self.sources)
        return (replace(own, namespace=namespace),)

    def hosts(self) -> tuple[tuple[str, Target | None], ...]:
        """The hosts as `analyze` is asked about them: a rule without ports is about each that its host has there."""
        from egressaudit.model import Scheme, Target

        schemes = {80: Scheme.HTTP, 443: Scheme.HTTPS}
        of_rules = (
            (host.name, Target(host.name, port, schemes.get(port, Scheme.TCP)) if port else None)
            for rule in self.rules
            for host in rule.hosts
            if host.name
            for port in sorted(rule.ports) or (0,)
        )
        return tuple(dict.fromkeys((*((each.host, each) for each in self.targets), *of_rules)))

    @property
    def of_policy(self) -> bool:
        """Whether the hosts are those of the policy's rules."""
        return self.policy is not None and self.rules == self.policy.rules


def asked_for(options: VerifyOptions) -> AskedFor:
    """Everything that the options ask for. UsageError, PolicyError with all errors of a file."""
    if options.expect is not None and options.policy is not None:
        raise UsageError("--expect and --policy both say what is expected", hint="Give one of them.")
    policy, text = _policy(options)
    targets, rules = _hosts(options)
    if policy is not None and not targets and not rules:
        rules = policy.rules
    if not targets and not rules:
        raise UsageError(
            "--host is missing",
            hint="Name the external host, or several with --hosts-file or --policy, or judge a saved run again with "
            "--replay DIR.",
        )
    asked = AskedFor(targets, rules, policy, text, _sources(options))
    if asked.sources or asked.of_policy:
        check_own_pod(options)
    return asked


def own_choice(options: VerifyOptions, namespace: str) -> SourceChoice:
    """A probe pod of our own."""
    from egressaudit.probe.source import SourceChoice

    return SourceChoice(
        name=None,
        selector=None,
        container=options.container,
        namespace=namespace,
        pod=wanted_pod(options),
        allow_uncaptured=options.allow_uncaptured,
    )


def _sources(options: VerifyOptions) -> tuple[SourceChoice, ...]:
    from egressaudit.selectors import Selector

    own = own_choice(options, options.namespace or "default")
    named = [replace(own, name=each) for each in options.sources]
    return (*named, *(replace(own, selector=Selector.parse(each)) for each in options.selectors))


def _hosts(options: VerifyOptions) -> tuple[tuple[Target, ...], tuple[PolicyRule, ...]]:
    """The targets and rules of all hosts and files, each target once."""
    from egressaudit.model import Scheme
    from egressaudit.probe import parse_host, parse_named

    scheme = Scheme(options.scheme) if options.scheme else None
    # One host that contradicts an option is a slip; of several, each may say its own.
    alone = len(options.hosts) == 1 and not options.hosts_files
    parse = partial(parse_host if alone else parse_named, port=options.port, scheme=scheme, path=options.url_path)
    targets = [parse(each) for each in options.hosts]
    rules: list[PolicyRule] = []
    if options.hosts_files:
        from egressaudit.policy.hosts_files import read_hosts

        for file in options.hosts_files:
            read = read_hosts(file, parse)
            targets += read.targets
            rules += read.rules
    return tuple(dict.fromkeys(targets)), tuple(dict.fromkeys(rules))


def _policy(options: VerifyOptions) -> tuple[Policy | None, bytes]:
    if options.policy is None:
        return None, b""
    from egressaudit.policy.loading import read_policy

    return read_policy(options.policy)


def bypass_asked(options: VerifyOptions, policy: Policy | None) -> BypassSettings | None:
    """What `--bypass` and the policy ask for, None for nothing; UsageError for what cannot be."""
    wanted = policy.bypass if policy is not None and options.bypass is not False else None
    if not options.bypass and wanted is None:
        if options.bypass_with or options.bypass_address:
            raise UsageError("--bypass-with and --bypass-address need --bypass", hint="Add --bypass.")
        return None
    from egressaudit.addresses import ip_of
    from egressaudit.bypass import named_attempts
    from egressaudit.pipeline.bypass import BypassSettings

    known = named_attempts()
    named = frozenset(name for each in options.bypass_with for name in each.split(","))
    if unknown := sorted(named - set(known)):
        raise UsageError(f"unknown --bypass-with {unknown[0]!r}", hint=f"Use {' or '.join(known)}.")
    address = options.bypass_address
    if address is not None and ip_of(f"[{address}]:1" if ":" in address else f"{address}:1") is None:
        raise UsageError(f"--bypass-address {address!r} is not an IP address", hint="Give an address of the host.")
    if wanted is None:
        return BypassSettings(named, address)
    # The option asks for all hosts, the policy for those of its rules.
    return BypassSettings(named | wanted.named, address, frozenset() if options.bypass else wanted.rules)
