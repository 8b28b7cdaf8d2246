"""The tokens that a session gives."""

from datetime import datetime, timedelta
from uuid import UUID

from pydantic import SecretStr

from actors.identity.handlers.keys import Keys
from actors.identity.rules.access_tokens import Proof, SigningPair, Subject, signed
from actors.identity.rules.refreshing import Issue, as_text
from messages.identity import AccessToken, Tokens, User
from messages.ids import new_id


class Signing(Keys):
    """Signs tokens."""

    def tokens(
        self, user: User, issue: Issue, proof: Proof, key: SigningPair, now: datetime, *, device: str | None = None
    ) -> Tokens:
        """What a session gives to its user."""
        access = self.access_token(user, issue.session_id, proof, key, now)
        return Tokens(
            access_token=access.access_token,
            expires_in_seconds=access.expires_in_seconds,
            refresh_token=SecretStr(as_text(issue.token)),
            refresh_expires_at=issue.expires_at,
            device_token=None if device is None else SecretStr(device),
            must_change_password=user.must_change_password,
        )

    def access_token(self, user: User, session_id: UUID, proof: Proof, key: SigningPair, now: datetime) -> AccessToken:
        """What a user shows with each request."""
        settings, lives = self.settings, timedelta(minutes=self.settings.access_minutes)
        subject = Subject(settings.issuer, settings.audience, user.user_id, session_id, user.roles, user.member_id, proof)
        return AccessToken(
            access_token=SecretStr(signed(subject, key, token_id=new_id(), now=now, lives=lives)),
            expires_in_seconds=int(lives.total_seconds()),
        )

    def expiry(self, now: datetime, session_ends_at: datetime) -> datetime:
        """When a refresh token of this moment is no longer good."""
        return min(now + timedelta(days=self.settings.refresh_days_idle), session_ends_at)
