"""What each role may do, and to whose things: `all`, or `own` (the principal's member)."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from config.layers import Section, file_layers, overlay, validated

Scope = Literal["all", "own"]

RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]
Permission = Annotated[str, Field(pattern=r"^[a-z-]+:[a-z-]+$")]


class _Roles(Section):
    roles: dict[RoleName, dict[Permission, Scope]] = Field(default_factory=dict)


def load_roles(config_dir: Path | None = None) -> dict[str, dict[str, Scope]]:
    """Role -> permission -> scope. A role in the operator's file replaces the shipped one whole: it can lose permissions.

    The environment has no say here: a permission is granted where it can be read and reviewed.
    """
    return validated(_Roles, overlay(file_layers(config_dir, "roles.yaml"), whole_at=2)).roles
