"""Lines that a sender or an upstream tries to forge."""

from hypothesis import strategies as st

from egressaudit.hops.dialects.envoy.default_text import EnvoyText
from egressaudit.hops.dialects.envoy.format_string import VALUES, parse_format

SENT = ("path", "x_forwarded_for", "user_agent", "request_id", "authority", "requested_server_name")
"""What a sender writes. Envoys before the fix of CVE-2024-45808 wrote the SNI as it came, too."""


HEAD = 'HTTP/1.1" 200 - via_upstream - "-" 0 0 1 1 "-" "'


TAIL = (
    '" "79551af2" "docs.redhat.com" "1.2.3.4:80" outbound|80||docs.redhat.com 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 - default'
)


LINE = f'[2024-01-01T00:00:00.000Z] "GET / {HEAD}curl{TAIL}'


pieces = st.sampled_from(
    [
        '"', " ", '" "', "-", "x", '"-"', "0", "0 0 1 1", ' -" 0 - "', ' HTTP/1.1" 200 - ', ' HTTP/1.1" 200 - a b "-" ',
        '"1.2.3.4:80" ', "outbound|80||docs.redhat.com ", "PassthroughCluster ", "1.1.1.1:1 ", "- ", "default",
        ' 5 6 7 8 "', '"1.2.3.4:80"', HEAD, TAIL, LINE, HEAD + "curl" + TAIL, "\t", "\udcff", "\\", "é", "[", "]",
    ]
)  # fmt: skip


hostile = st.lists(pieces | st.text(st.characters(exclude_characters="\n\r\0"), max_size=3), max_size=8).map("".join)


usual = st.sampled_from(["-", "curl/8.11.0", "/", "docs.redhat.com", "10.0.0.1,10.0.0.2"])


word = st.from_regex(r"[!#-~]{1,12}", fullmatch=True)


# What an upstream writes: names in a certificate that is refused; Envoy makes their blanks "_".
upstreams_own = hostile.map(lambda text: "TLS_error:_SANs_are_[" + text.replace(" ", "_") + "]:TLS_error_end")


number = st.integers(0, 99999).map(str)


address = st.sampled_from(["-", "10.0.0.9:443", "[fd00::9]:80", "envoy://internal_client_address/", "/var/run/x.sock"])


true_values = {
    "start_time": st.sampled_from(["2024-11-07T14:35:52.428Z", "2026-02-28T23:59:59.999Z"]),
    "method": st.sampled_from(["GET", "POST", "CONNECT", "-"]),
    "protocol": st.sampled_from(["HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3", "-"]),
    "response_code": st.sampled_from(["0", "200", "403", "503"]),
    "response_flags": st.sampled_from(["-", "UF", "UF,URX", "NR", "UH"]),
    "response_code_details": st.sampled_from(["-", "via_upstream", "rbac_access_denied_matched_policy[none]"])
    | word
    | upstreams_own,
    "connection_termination_details": st.sampled_from(["-", "transport socket timeout was reached"]),
    "upstream_transport_failure_reason": st.sampled_from(["-", "TLS_error:|268435703:SSL_routines:x"]) | upstreams_own,
    "bytes_received": number,
    "bytes_sent": number,
    "duration": number | st.just("-"),
    # Where a response begins before the request ends, Envoy writes the upstream's own header (seen by test_oracle.py).
    "upstream_service_time": number | st.just("-") | hostile.filter(bool),
    "upstream_host": address,
    "upstream_cluster": st.sampled_from(["-", "PassthroughCluster", "outbound|80||h.example", "BlackHoleCluster;"]),
    "upstream_local_address": address,
    "downstream_local_address": address,
    "downstream_remote_address": address,
    "route_name": st.sampled_from(["-", "default", "allow_any", "a.b.0"]),
}


@st.composite
def true_lines(draw, dialect: EnvoyText):
    """A line of a dialect, and the true values of its columns as text."""
    # Not everything at once: one hostile field among usual ones is the likeliest forgery to be overlooked.
    bad = draw(st.sets(st.sampled_from(SENT), max_size=3))
    truth, parts = {}, []
    for item in parse_format(dialect.format_string):
        if isinstance(item, str):
            parts.append(item)
            continue
        column = VALUES[item.key].column
        if column is None:
            value = "-"
        elif column in SENT:
            # Envoy writes `-` where there is nothing; only a header can be there and be empty.
            value = draw(hostile if column in bad else usual)
            value = value or ("" if column in ("x_forwarded_for", "user_agent", "request_id") else "-")
        else:
            value = draw(true_values[column])
        parts.append(value)
        if column is not None:
            truth[column] = value
    return "".join(parts), truth


TRUE_TAIL = "PassthroughCluster 10.1.0.5:4242 203.0.113.9:80 10.1.0.5:4240"


def sidecar_line(path="/", forwarded="-", agent="curl/8.11.0", request_id="5ab0", authority="evil.example", sni="-"):
    return (
        f'[2024-11-07T14:35:52.428Z] "GET {path} HTTP/1.1" 200 - via_upstream - "-" 0 5 7 6 "{forwarded}" "{agent}" '
        f'"{request_id}" "{authority}" "203.0.113.9:80" {TRUE_TAIL} {sni} allow_any'
    )


REFUSED = 'TLS_error:_SANs_are_[x"_y]:TLS_error_end'


TUNNELLED = (
    "2025-10-24T08:08:35.242159Z\tinfo\taccess\tconnection complete\tsrc.addr=10.1.0.5:1\tdst.addr=10.1.0.6:2\t"
    'direction="outbound"'
)
