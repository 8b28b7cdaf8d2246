"""The roles that the institution defined itself, as they are now, for whoever judges by them.

The identity actor keeps them and publishes them in the schema `reporting`. Before somebody with such a role is judged, the number of
the last change is read, and the roles where it is another one than known here. So a change counts from its commit on, in every
process, whatever the broker does; who has only roles of the file, which do not change while a process runs, costs no question.
"""

from collections.abc import Iterable

from config.roles import Grant
from runtime.database import Database
from runtime.principal import Authority, Principal
from runtime.statements import Statements

_SQL = Statements.beside(__file__, "own_roles.sql")


async def catch_up(authority: Authority, principals: Iterable[Principal], database: Database) -> None:
    """Let the authority know the roles of these principals as they are. Raises what the database raises when it is away."""
    if all(authority.is_built_in(role) for principal in principals for role in principal.roles):
        return
    async with database.connection() as connection:
        change = await connection.fetchval(_SQL["last_change"])
        if change == authority.change:
            return
        rows = await connection.fetch(_SQL["own_roles"])
    roles = {
        row["name"]: {permission: Grant.model_validate(grant) for permission, grant in row["grants"].items()} for row in rows
    }
    authority.replace_own(roles, change)
