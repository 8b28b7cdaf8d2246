"""The identity actor: who may log in, the tokens they get, and the roles that the other actors judge them by.

What it does lives in handlers/. The edge limits how often somebody may ask; who guesses passwords is made to wait here.
"""

from actors.identity.handlers.api_keys import ApiKeys
from actors.identity.handlers.inviting import Inviting
from actors.identity.handlers.logging_in import LoggingIn
from actors.identity.handlers.refreshing import Refreshing
from actors.identity.handlers.resetting import Resetting
from actors.identity.handlers.roles import Roles
from actors.identity.handlers.second_factor import SecondFactor
from actors.identity.handlers.sessions import Sessions
from config.roles import load_roles
from config.settings import Profile, Settings
from runtime.actor import Actor


class Identity(LoggingIn, Resetting, Refreshing, Sessions, SecondFactor, ApiKeys, Inviting, Roles, Actor):
    """Lets in who proves who they are, never says which half was wrong, and keeps nothing that a thief of tables could use."""

    name = "identity"

    @classmethod
    def configured(cls, settings: Settings) -> "Identity":
        """As the settings of this process have it."""
        mails_to_log = settings.profile is Profile.DEV
        return cls(
            settings.identity,
            load_roles(settings.config_dir),
            mails_to_log=mails_to_log,
            branches=settings.branches,
            needs_approval=settings.role_changes_need_approval,
        )
