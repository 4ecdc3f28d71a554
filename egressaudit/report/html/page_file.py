"""One HTML file: a template with its styles, scripts and data inside, and a policy that lets nothing else run or load.

In: a template of `page/` and what it shows, e.g. `page("audit.html.jinja", {"outcome": "FAIL"}, {"flows": []})`. Out:
the bytes of the file.

What workloads wrote is text wherever it lands. In the template every value is made printable and escaped (autoescape),
but for those that it calls `safe`: our own files, their hashes, and the data. In the data `<`, `>` and `&` are JSON
escapes, so nothing ends the script block; scripts make text nodes of it. Should one of these fail, the page's
Content-Security-Policy still runs no script and takes no style but those whose hashes it has, and loads nothing.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from egressaudit.report.safe import printable

if TYPE_CHECKING:
    from jinja2 import Environment

STYLES = ("colors.css", "layout.css", "findings.css", "picture.css", "table.css", "print.css")
LIBRARIES = ("d3-array.min.js", "d3-path.min.js", "d3-shape.min.js", "d3-sankey.min.js", "d3-time.min.js")
"""Each needs those before it."""
SCRIPTS = (
    *("report_data.js", "elements.js", "raw_lines.js", "flow_filter.js", "data_table.js", "findings.js"),
    *("picture_graph.js", "picture.js", "picture_keys.js", "timeline.js", "tables.js", "page.js"),
)

_JSON_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def page(template: str, shown: Mapping[str, object], data: Mapping[str, object] | None = None) -> bytes:
    """The file; without `data` it has no script at all. The same values give the same bytes."""
    styles = [_text("page", name) for name in STYLES]
    scripts: list[str] = []
    if data is not None:
        scripts = [*(_text("vendor", name) for name in LIBRARIES), *(_text("page", name) for name in SCRIPTS)]
    text = (
        _templates()
        .get_template(template)
        .render(
            **shown,
            policy=_policy(scripts, styles),
            styles=styles,
            scripts=scripts,
            # Each report is a copy of the libraries, so it has their licences.
            licences=_text("vendor", "LICENSES.md"),
            data="" if data is None else inert_json(data),
        )
    )
    return f"{text}\n".encode()


def inert_json(data: Mapping[str, object]) -> str:
    """JSON in ASCII that is safe in a script block: `<` is `\\u003c`."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=True).translate(_JSON_ESCAPES)


def _policy(scripts: list[str], styles: list[str]) -> str:
    """Nothing may be loaded; only these scripts may run, only these styles count. `data:` is the empty icon."""
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src", *(map(_hash, scripts) if scripts else ["'none'"]))),
            " ".join(("style-src", *map(_hash, styles))),
            *("img-src data:", "base-uri 'none'", "form-action 'none'"),
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _text(folder: str, name: str) -> str:
    """One of our files, as it is between the tags: the hash counts the newline at either end."""
    return f"\n{(files(__package__) / folder / name).read_text('utf-8').strip()}\n"


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    found = Environment(
        loader=FunctionLoader(lambda name: (files(__package__) / "page" / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    found.filters["count"] = lambda number: f"{number:,}"
    return found


def _finalized(value: object) -> object:
    """What a template shows: text is printable, so that no template can forget it."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return printable(value)
    return value
