"""The host that a person asks about, in any usual form, checked before anything is sent.

In: `https://docs.example.com/a?b=1`. Out: `Target("docs.example.com", 443, Scheme.HTTPS, "/a?b=1")`.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TypeVar
from urllib.parse import quote, urlsplit

from egressaudit.errors import UsageError
from egressaudit.model import Scheme, Target

_Given = TypeVar("_Given", int, Scheme)

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_FORMS = "Use a DNS name, an IP, HOST:PORT, [IPv6]:PORT, or an http:// or https:// URL."
_DEFAULT_PORTS = {Scheme.HTTP: 80, Scheme.HTTPS: 443}
_OTHERWISE = frozenset("\u00df\u1e9e\u03c2\u200c\u200d")
"""Letters of which IDNA 2003, which Python has, makes others (UTS 46, deviations): `fass.de` is not `faß.de`."""
_PATH_SAFE = "!#$%&'()*+,/:;=?@[]~"
"""What may stand in a path as it is; everything else is percent-encoded, so that it cannot break a log line."""


def parse_host(text: str, *, port: int | None = None, scheme: Scheme | None = None, path: str | None = None) -> Target:
    """The target that `--host` and its companions name; UsageError says what cannot be understood.

    A name in other scripts becomes its IDNA form, a last dot goes, letters become small: as curl would send it.
    """
    given, host, own_port, own_path = _taken_apart(text)
    host = _checked_host(host, text)
    port = _one(port, own_port, "--port", text)
    # Port 443 without a scheme means https: plain HTTP there would be judged by rules for TLS.
    usual = Scheme.HTTPS if port == _DEFAULT_PORTS[Scheme.HTTPS] else Scheme.HTTP
    scheme = _one(scheme, given, "--scheme", text) or usual
    port = port or _DEFAULT_PORTS.get(scheme)
    if port is None:
        raise UsageError("--scheme tcp needs a port", hint="Add --port, or write --host HOST:PORT.")
    if scheme is Scheme.TCP:
        if own_path or path:
            raise UsageError("a TCP probe has no path", hint="Leave out --path, or use --scheme http or https.")
        return Target(host, port, scheme, "")
    return Target(host, port, scheme, checked_path(path if path is not None else own_path or "/"))


def parse_named(text: str, *, port: int | None = None, scheme: Scheme | None = None, path: str | None = None) -> Target:
    """The target of one of several hosts: port, scheme and path are for those that do not say their own."""
    own_scheme, _, own_port, own_path = _taken_apart(text)
    scheme = None if own_scheme is not None else scheme
    port = None if own_port is not None else port
    tcp = Scheme.TCP in (own_scheme, scheme)
    return parse_host(text, port=port, scheme=scheme, path=None if own_path or tcp else path)


def parse_asked(text: str) -> tuple[str, Target | None]:
    """A host that may be asked about on every port: its name, and the target if the text also has a port or a scheme.

    `docs.example.com` gives no target, `docs.example.com:443` and `https://docs.example.com` do.
    """
    scheme, _, port, _ = _taken_apart(text)
    target = parse_host(text)
    return target.host, None if scheme is None and port is None else target


def checked_path(path: str) -> str:
    """A request path that curl sends and proxies log as it is; UsageError if it does not begin with a slash."""
    if not path.startswith("/"):
        raise UsageError(f"--path {path!r} does not start with /")
    return quote(path.partition("#")[0], safe=_PATH_SAFE, errors="surrogateescape")


def _one(option: _Given | None, given: _Given | None, name: str, text: str) -> _Given | None:
    if option is not None and given is not None and option != given:
        raise UsageError(f"--host {text!r} and {name} {option} contradict each other", hint="Give it once.")
    return option if option is not None else given


def _taken_apart(text: str) -> tuple[Scheme | None, str, int | None, str]:
    """Scheme, host, port and path with query, as far as they are there."""
    if "@" in re.split(r"[/?#]", text.partition("://")[2] or text)[0]:
        # First of all: whatever else is wrong with it, a password is not shown.
        raise _not_understood("a URL with a user name", "credentials are never sent")
    if not text or text != text.strip() or any(c.isspace() or not c.isprintable() for c in text):
        raise _not_understood(text, "it is empty, or it contains spaces or control characters")
    word, separator, _ = text.partition("://")
    if not separator:
        if _is_ip(text):
            return None, text, None, ""
        if any(c in text for c in "/?#@"):
            raise _not_understood(text, "it is neither a host nor a URL with a scheme")
        word, text = "", f"//{text}"
    elif word.lower() not in {"http", "https", "tcp"}:
        raise _not_understood(text, f"{word!r} is not http, https or tcp")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _not_understood(text.removeprefix("//"), "its host or its port is not valid") from error
    if port == 0 or parts.netloc.endswith(":"):
        raise _not_understood(text.removeprefix("//"), "it has no valid port")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if path.startswith("?"):
        path = f"/{path}"
    return (Scheme(word.lower()) if word else None), parts.hostname or "", port, path


def _checked_host(host: str, text: str) -> str:
    if "%" in host:
        raise _not_understood(text, "an address with a zone is valid only on this machine")
    if _is_ip(host):
        return str(ipaddress.ip_address(host))
    if "*" in host:
        raise _not_understood(text, "a request cannot go to a wildcard; name one host that it covers")
    host = _in_ascii(host, text).lower().removesuffix(".")
    if not host or len(host) > 253:
        raise _not_understood(text, "a DNS name has 1 to 253 characters")
    labels = host.split(".")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise _not_understood(
                text, f"{label!r} is not a DNS label: use 1 to 63 letters, digits, - or _, and no - at the start or end"
            )
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        # curl and resolvers read `10.1` or `0x7f.1` as an IPv4 address in short form; proxies log something else.
        raise _not_understood(text, "it looks like an IPv4 address but isn't one")
    return host


def _in_ascii(host: str, text: str) -> str:
    if not host.isascii():
        if changed := sorted(set(host) & _OTHERWISE):
            raise _not_understood(
                text, f"{changed[0]!r} makes another name in IDNA 2003 than in IDNA 2008; write the name as xn--..."
            )
        try:
            return host.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise _not_understood(text, "it is not an international domain name") from error
    return host


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _not_understood(text: str, why: str) -> UsageError:
    return UsageError(f"invalid --host {text!r}: {why}", hint=_FORMS)
