"""A log format of a user's own, and a line in it."""

from egressaudit.hops.dialects.envoy.default_text import ISTIO

CUSTOM = ISTIO.format_string.replace('"%UPSTREAM_HOST%"', '"%UPSTREAM_HOST%" "%REQ(X-FOO)%"')


CUSTOM_LINE = (
    '[2024-11-07T14:35:52.428Z] "GET / HTTP/2" 200 - via_upstream - "-" 0 0 24 24 "-" "curl/8" "-" "docs.redhat.com" '
    '"23.55.176.201:80" "foo" outbound|80||docs.redhat.com 10.128.2.29:49766 10.128.2.29:80 10.128.2.30:38296 - -'
)
