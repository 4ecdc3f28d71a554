"""Formats and values for the tests of custom access log formats."""

from __future__ import annotations

from hypothesis import strategies as st

from egressaudit.hops.dialects.envoy.custom_text import CustomText
from egressaudit.model import LogLine, LogSource

FORGEABLE = "[%START_TIME%] %REQ(USER-AGENT)% %UPSTREAM_HOST% %REQ(:PATH)%"


COMMANDS = (
    "START_TIME", "START_TIME(%s.%3f)", "RESPONSE_CODE", "RESPONSE_FLAGS", "DURATION", "PROTOCOL", "UPSTREAM_HOST",
    "UPSTREAM_CLUSTER", "UPSTREAM_LOCAL_ADDRESS", "DOWNSTREAM_REMOTE_ADDRESS", "ROUTE_NAME",
    "CONNECTION_TERMINATION_DETAILS", "HOSTNAME",
)  # fmt: skip


WILD = (
    "REQ(:METHOD)", "REQ(:PATH)", "REQ(USER-AGENT)", "REQ(X-FOO)", "RESP(SERVER)", "REQUESTED_SERVER_NAME",
    "RESPONSE_CODE_DETAILS", "UPSTREAM_TRANSPORT_FAILURE_REASON", "DYNAMIC_METADATA(a:b)",
)  # fmt: skip


LITERALS = st.sampled_from(
    [" ", '"', '" "', "|", "\t", "[", "] ", ",", ", ", " - ", "ms ", "a", "0", " x=", ":", "/", ""]
)


@st.composite
def formats(draw):
    """A random format: operators with literals around them, now and then none."""
    commands = draw(st.lists(st.sampled_from(COMMANDS + WILD), min_size=1, max_size=6))
    text = draw(LITERALS)
    for command in commands:
        text += f"%{command}%" + draw(LITERALS)
    return CustomText(text)


SOURCE = LogSource("n", "p", "istio-proxy")


def line(text: str) -> LogLine:
    return LogLine(SOURCE, 1, text)
