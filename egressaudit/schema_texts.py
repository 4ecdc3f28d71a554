"""Descriptions for JSON Schemas: the docstrings beneath the fields of forms, read when a schema is asked for.

In: forms (classes of pydantic). Out: the same, each field with its docstring as description. Example: in the schema of
a policy, the field `via` says what `direct` means.

pydantic can do the same when a class is made (`use_attribute_docstrings`). Then the source of every form is parsed
whenever a policy is read or a report is written, though only schemas show the texts.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel


def describe(forms: Iterable[type[BaseModel]]) -> None:
    """Give the fields of these forms their descriptions; a form comes after those that are its parts."""
    for form in forms:
        texts = dict(_docstrings(form))
        for name, field in form.model_fields.items():
            field.description = field.description or texts.get(name)
        form.model_rebuild(force=True)


def _docstrings(form: type[BaseModel]) -> Iterator[tuple[str, str]]:
    [defined] = ast.parse(textwrap.dedent(inspect.getsource(form))).body
    assert isinstance(defined, ast.ClassDef)
    for field, below in zip(defined.body, defined.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
