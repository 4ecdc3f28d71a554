"""Query strings, credentials in URLs and other secrets taken out of text: the part of redaction that is always on.

In: text of a report, e.g. `sent https://u:p@docs.example.com/cb?token=abc`, or a raw log line. Out: the same text with
`REDACTED` where a secret may be: `sent https://REDACTED@docs.example.com/cb?REDACTED`. All of a query goes, its names
too: `?c2VjcmV0=` has a name that is the secret. What is redacted once stays as it is.

Log lines keep their form, so that the dialects still read them, and a value has the same text in a line and in a field.
"""

from __future__ import annotations

import json
import re

REDACTED = "REDACTED"

# Looked for first, because most texts have nothing of it.
_MARKS = re.compile("[?#@;=%]|eyJ")
TELLING = (
    *("auth", "cookie", "key", "bearer", "basic", "negotiate", "passw", "pwd", "secret", "token", "session"),
    *("credential", "signature"),
)
"""What `scrubbed` looks for first, in small letters."""
# No pattern looks twice at what follows it: lines are hostile, and may be long.
_USERINFO = re.compile(r"""(?<=://)[^\s/?#"<>]+@""")
# `user:password@host`, and everything before the host if the value is only a host.
_BARE_USERINFO = re.compile(r"""(?<![^\s"'=|,(])[^\s"'/|,=(]+@(?=[\w\[])""")
_AUTHORITY = re.compile(r'(?<=")[^\s"@/]+@(?=[\w.\[\]:-]+")')
_QUERY_MARK = re.compile(r"\?|%(?:25)*3[Ff]")
# In a line, a query ends at a space or at the quote that ends its field; `?q={"a":"b","c":"d"}` has other quotes in it.
_QUERY = re.compile(r'(\?|%(?:25)*3[Ff])(?:[^\s"]|"(?!\s|$))+')
_QUERY_OF_VALUE = re.compile(r"(\?|%(?:25)*3[Ff])\S+")
_NAMED_QUERY = re.compile(r"""\?[\w.~%-]+=[^\s"']*""")
_FRAGMENT = re.compile(r"""(?<=[\w/%.=-])#[^\s"'#=]*=[^\s"']*""")
_PARAMETERS = re.compile(r"""(?<=[\w/%.-]);[^\s"'/?#;=]+=[^\s"'/?#]*""")
_REQUEST = re.compile(r'(?<=")([A-Z][A-Z_-]* )([^\s"]*)(?= HTTP/[0-9](?:\.[0-9])?")')
_METHOD = re.compile(r'"[A-Z][A-Z_-]* ')
_PROTOCOL = re.compile(r' HTTP/[0-9](?:\.[0-9])?"')
_WHOLE_REQUEST = re.compile(r"([A-Z][A-Z_-]* )(.*)( HTTP/[0-9](?:\.[0-9])?)", re.DOTALL)
_CUT = re.compile(r"\?|#|;|%(?:25)*(?:3[Ff]|23|3[Bb])")

_NAMED = r"(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization|cookie"
_NAMED += r"|session[_-]?id|credentials?|signature)"
_PAIR = re.compile(
    rf"""(?i)(?<![^\s"'&,;|(/?{{])([\w.-]{{0,64}}{_NAMED}[\w.-]{{0,64}}=)("[^"]*"|'[^']*'|[^\s"'&;,|]+)"""
)
# JSON within other text: behind a prefix, in a torn line, in a string. What `\"` begins, `\"` ends.
_MEMBER = re.compile(r"""(\\{0,3}")([\w.-]{1,128})(\1\s{0,8}:\s{0,8}\1)((?:(?!(?<!\\)\1).)+)""")
# How a line begins whose begin is lost: in a request's target, in a JSON key, in a JSON value.
_TORN_TARGET = r'[^\s"]+(?= HTTP/[0-9](?:\.[0-9])?")'
_TORN_KEY = r'(?P<key>[\w.-]{0,128}":\s?")(?:[^"\\]|\\.)+'
_TORN_VALUE = r'(?:[^"\\]|\\.)+(?="(?:,\s?"[\w.-]{1,128}":|\}))'
_TORN = re.compile(f"{_TORN_TARGET}|{_TORN_KEY}|{_TORN_VALUE}")
_HEADER = re.compile(
    r"""(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{0,32}api-?key)(:\s*)[^\s"'][^"'\n]*"""
)
# A single word isn't a token: "basic authentication" stays.
_SCHEME = re.compile(r"""(?i)\b(bearer|basic|negotiate)(\s+)(?=[^\s"']*[0-9=])[\w.~+/=-]{6,}""")
_JWT = re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?")

_SECRET_NAME = re.compile(
    r"(?i)auth(?!orit)|cookie|token|secret|passw|credential|session|api[-_]?key|signature|jwt|query"
)
_TARGET_NAME = re.compile(r"(?i)path|ur[il](?![a-z])|referr?er|location|request_?line")
_HOST_NAME = re.compile(r"(?i)authority|host|server_?name|sni")
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)("?)(?:(\s*:\s*)(-?[0-9][0-9.eE+-]*)?)?', re.DOTALL)
_ENDINGS = "'\".,;:!)]}>`…"


def is_secret_name(name: str) -> bool:
    """Whether a header, a key or a column of this name holds what nobody else may read: `req_authorization`."""
    return _SECRET_NAME.search(name) is not None


def scrubbed(text: str) -> str:
    """Prose, which may have URLs in it: a sentence, an error, a note."""
    if _MARKS.search(text) is None:
        return _credentials(text)
    text = _USERINFO.sub(f"{REDACTED}@", text)
    if "?" in text or "%" in text:
        text = re.sub(r"\S+", _word_without_query, text)
    text = _BARE_USERINFO.sub(_with_password, _credentials(text))
    text = _PARAMETERS.sub(f";{REDACTED}", text)
    return _FRAGMENT.sub(f"#{REDACTED}", text)


def scrubbed_target(text: str) -> str:
    """A bare request target or URL: everything after its path is removed."""
    text = _USERINFO.sub(f"{REDACTED}@", text)
    found = _CUT.search(text)
    return _credentials(text if found is None else f"{text[: found.end()]}{REDACTED}")


def scrubbed_value(name: str, value: str) -> str:
    """The value of a column or a key of a log line, e.g. of `path` or of `req_referer`."""
    if is_secret_name(name):
        return REDACTED
    if found := _WHOLE_REQUEST.fullmatch(value):
        return f"{found[1]}{scrubbed_target(found[2])}{found[3]}"
    if _TARGET_NAME.search(name):
        return scrubbed_target(value)
    if _HOST_NAME.search(name) and "@" in value:
        return f"{REDACTED}@{value.rpartition('@')[2]}"
    return _scrubbed_words(value, _QUERY_OF_VALUE)


def scrubbed_line(text: str, secret_keys: frozenset[str] = frozenset()) -> str:
    """A raw log line. `secret_keys` are keys of JSON lines whose values go, beside those with a telling name."""
    if text.lstrip().startswith("{"):
        return _scrubbed_json(text, secret_keys)
    if not text.startswith("["):
        text = _TORN.sub(lambda found: f"{found['key'] or ''}{REDACTED}", text, count=1) if _TORN.match(text) else text
    if _MARKS.search(text) is None:
        return _credentials(text)
    return _AUTHORITY.sub(f"{REDACTED}@", _scrubbed_words(_scrubbed_request(text), _QUERY))


def scrubbed_manifest(text: str) -> str:
    """YAML or JSON that may be applied: patterns such as `(a|b)?c` in it aren't queries."""
    if "://" in text:
        text = _USERINFO.sub(f"{REDACTED}@", text)
    if "?" in text:
        text = _NAMED_QUERY.sub(f"?{REDACTED}", text)
    return _JWT.sub(REDACTED, text) if "eyJ" in text else text


def _credentials(text: str) -> str:
    if "eyJ" in text:
        text = _JWT.sub(REDACTED, text)
    small = text.lower()
    if not any(word in small for word in TELLING):
        return text
    if '"' in text and ":" in text:
        text = _MEMBER.sub(_secret_member, text)
    text = _SCHEME.sub(rf"\1\2{REDACTED}", _HEADER.sub(rf"\1\2{REDACTED}", text))
    return _PAIR.sub(lambda found: f"{found[1]}{REDACTED}{_ending(found[2])}", text)


def _secret_member(found: re.Match[str]) -> str:
    """A key and its value. Values may have such pairs within, each level with another quote."""
    inner = REDACTED if is_secret_name(found[2]) else _MEMBER.sub(_secret_member, found[4])
    return f"{found[1]}{found[2]}{found[3]}{inner}"


def _ending(text: str) -> str:
    """What ends a sentence behind a URL or a value."""
    return text[len(text.rstrip(_ENDINGS)) :]


def _scrubbed_request(text: str) -> str:
    """The request's query goes. If its path has quotes or spaces in it, all up to the last protocol is the sender's."""
    method = _METHOD.search(text)
    if method is None:
        return text
    if _REQUEST.match(text, method.start() + 1) is None and (ends := list(_PROTOCOL.finditer(text, method.end()))):
        end = ends[-1].start()
        return f"{text[: method.end()]}{scrubbed_target(text[method.end() : end])}{text[end:]}"
    return _REQUEST.sub(lambda found: found[1] + scrubbed_target(found[2]), text)


def _with_password(found: re.Match[str]) -> str:
    return f"{REDACTED}@" if ":" in found[0] else found[0]


def _scrubbed_words(text: str, query: re.Pattern[str]) -> str:
    """Text of a line beside its request, or a value; `query` finds where a query ends."""
    text = _USERINFO.sub(f"{REDACTED}@", text)
    text = query.sub(rf"\1{REDACTED}", text)
    text = _BARE_USERINFO.sub(_with_password, text)
    return _FRAGMENT.sub(f"#{REDACTED}", _PARAMETERS.sub(f";{REDACTED}", _credentials(text)))


def _word_without_query(found: re.Match[str]) -> str:
    """A word of prose: what begins at a `?` in the midst of a URL or a path goes; "why?" and `(a|b)?` stay."""
    word = found[0]
    mark = _QUERY_MARK.search(word)
    if mark is None:
        return word
    before, query = word[: mark.start()], word[mark.end() :]
    end = _ending(query)
    if len(end) == len(query) or not ("/" in before or "=" in query):
        return word
    return f"{before}{mark[0]}{REDACTED}{end}"


def _scrubbed_json(text: str, secret_keys: frozenset[str]) -> str:
    """Each string of a JSON line by itself; everything else stays to the byte. A torn line is scrubbed to its end."""
    key = ""

    def literal(found: re.Match[str]) -> str:
        nonlocal key
        written, end, colon, number = found.groups()
        value = _decoded(written)
        if colon:
            key = value
            secret = number and (key in secret_keys or is_secret_name(key))
            return f'"{written}"{colon}"{REDACTED}"' if secret else found[0]
        clean = REDACTED if key in secret_keys else scrubbed_value(key, value)
        return found[0] if clean == value else f'"{json.dumps(clean)[1:-1]}{end}'

    return _LITERAL.sub(literal, text)


def _decoded(written: str) -> str:
    try:
        value = json.loads(f'"{written}"')
    except ValueError:
        # An escape that JSON does not have, or a torn line: its text is searched as it is.
        return written
    return value if isinstance(value, str) else written
