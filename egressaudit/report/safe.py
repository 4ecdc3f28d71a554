"""Make text that a workload may have written harmless to look at.

In: text from a log line. Out: the same text, but each character that doesn't print is an escape.
Example: the sequence that turns a terminal red becomes the harmless text `\\x1b[31m`.
"""

from __future__ import annotations

import unicodedata

_HIDDEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
"""Unicode categories that are not printed as themselves.

Controls (terminal escapes), format characters (bidirectional overrides reorder a line), surrogates (here: bytes that
were not UTF-8), line and paragraph separators, and code points not assigned (XML refuses some of them).
"""


def printable(text: str, limit: int | None = None) -> str:
    """The text with every character that does not print shown as an escape.

    So nothing moves the cursor, changes colour or reorders the line. Cut after `limit` characters, with a note of
    what was left out.
    """
    cut = ""
    if limit is not None and len(text) > limit:
        cut = f"… ({len(text) - limit} more characters)"
        text = text[:limit]
    # What Python calls printable has none of the hidden characters (and no blank but the space).
    if text.isprintable():
        return text + cut
    return "".join(map(_shown, text)) + cut


def printable_lines(text: str) -> str:
    """Text of several lines, each made harmless."""
    return "\n".join(map(printable, text.split("\n")))


def _shown(character: str) -> str:
    # ztunnel separates its fields by tabs; a tab moves nothing but what follows it on the line.
    if character == "\t" or unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: one byte that was not UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
