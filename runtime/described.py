"""JSON Schemas of messages with what stands under each field as its description.

pydantic can read those docstrings while a class is made, which costs a second at every start of a process; here they are read
only when a document is made.
"""

import ast
import inspect
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


class DescribedSchema(GenerateJsonSchema):
    """Give it to pydantic as `schema_generator`. No titles on fields: the name is title enough."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        del schema
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The schema of one model."""
        found = super().model_schema(schema)
        texts = attribute_docstrings(schema["cls"])
        for name, property_schema in found.get("properties", {}).items():
            if name in texts:
                property_schema.setdefault("description", texts[name])
        if self.mode == "serialization":
            _can_be_read(found)
        return found


def _can_be_read(part: Any) -> None:
    """A secret that is told is there to be read: clients made from a document leave out of an answer what is `writeOnly`."""
    if isinstance(part, dict):
        if part.get("writeOnly") is True:
            del part["writeOnly"]
        for value in part.values():
            _can_be_read(value)
    elif isinstance(part, list):
        for value in part:
            _can_be_read(value)


def attribute_docstrings(model: type[Any]) -> dict[str, str]:
    """What stands as a string literal under each field of a model and of the models that it derives from."""
    texts: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            texts.update(_of_module(each.__module__).get(each.__name__.partition("[")[0], {}))
    return texts


@lru_cache(maxsize=100)
def _of_module(module_name: str) -> dict[str, dict[str, str]]:
    file = getattr(sys.modules.get(module_name), "__file__", None)
    if file is None:
        return {}
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    return {node.name: _of_class(node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def _of_class(node: ast.ClassDef) -> dict[str, str]:
    texts = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr)):
            continue
        if isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            texts[field.target.id] = inspect.cleandoc(below.value.value)
    return texts
