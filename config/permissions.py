"""The catalogue of permissions: a sentence for each, and how far it can be narrowed. Shipped, not set by operators."""

from functools import cache

from pydantic import Field

from config.documents import read_document
from config.layers import SHIPPED, Section, validated
from config.roles import Permission, Scope


class PermissionAbout(Section):
    """What there is to know of a permission."""

    about: str = Field(min_length=5, max_length=200)
    """What it lets somebody do."""
    scopes: tuple[Scope, ...] = Field(min_length=1)
    """The scopes that mean something for it."""


class _Catalogue(Section):
    permissions: dict[Permission, PermissionAbout]


@cache
def permissions() -> dict[str, PermissionAbout]:
    """All permissions, by name."""
    return dict(validated(_Catalogue, read_document(SHIPPED / "permissions.yaml")).permissions)
