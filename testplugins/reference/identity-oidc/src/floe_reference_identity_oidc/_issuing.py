"""Tokens that the issuer gives for credentials (OAuth 2.0, RFC 6749)."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode

from pydantic import SecretStr

from floe_plugins import PluginUnavailableError, UnsupportedOperationError
from floe_plugins.hookspecs.identity import Credentials, CredentialsRefusedError, IssuedToken
from floe_reference_identity_oidc._fetch import StatusError, discovered, fetched, safe

if TYPE_CHECKING:
    from floe_reference_identity_oidc.plugin import OidcIdentityConfig

# Statuses below these that say nothing of the credentials: too slow, too early, too many requests.
_LATER = {408, 425, 429}
_SERVER_FAILS = 500


class Client:
    """The platform as a client of the issuer. Thread-safe.

    Args:
        config: of the plugin.
    """

    def __init__(self, config: OidcIdentityConfig) -> None:
        self._issuer = config.issuer
        self._endpoint = config.token_endpoint
        self._own = (config.client_id, config.client_secret)
        self._timeout = config.timeout
        self._password_grant = config.password_grant
        self._kept: dict[str | None, IssuedToken] = {}
        self._renewing: defaultdict[str | None, threading.Lock] = defaultdict(threading.Lock)

    def token_for(self, credentials: Credentials) -> IssuedToken:
        """A token for somebody's credentials.

        Raises:
            CredentialsRefusedError: the issuer gives none.
            PluginUnavailableError: it does not answer.
        """
        form = {"audience": credentials.audience, "scope": credentials.scope}
        if credentials.refresh_token is not None:
            form |= {"grant_type": "refresh_token", "refresh_token": credentials.refresh_token.get_secret_value()}
            return self._asked(form, self._own)
        if not credentials.user or credentials.secret is None:
            raise CredentialsRefusedError("these are no credentials: expected a user and a secret, or a refresh token")
        if self._password_grant:
            secret = credentials.secret.get_secret_value()
            return self._asked(
                form | {"grant_type": "password", "username": credentials.user, "password": secret}, self._own
            )
        return self._asked(form | {"grant_type": "client_credentials"}, (credentials.user, credentials.secret))

    def own_token(self, audience: str | None, valid_for: float) -> IssuedToken:
        """The token of the platform itself, a new one if the one that is kept expires before.

        Raises:
            UnsupportedOperationError: the platform has no credentials.
            CredentialsRefusedError: the issuer gives none that is valid for so long.
            PluginUnavailableError: it does not answer.
        """
        if None in self._own:
            hint = "Set plugins.identity.oidc.client_id and client_secret"
            raise UnsupportedOperationError("the platform has no credentials for a token of its own", hint=hint)
        with self._renewing[audience]:
            kept = self._kept.get(audience)
            if kept is None or not _is_valid(kept, valid_for):
                form = {"grant_type": "client_credentials", "audience": audience or ""}
                kept = self._kept[audience] = self._asked(form, self._own)
        if not _is_valid(kept, valid_for):
            message = f"{self._issuer} gives tokens that are valid for less than {valid_for:g} seconds"
            raise CredentialsRefusedError(message, hint="Ask for less")
        return kept

    def _asked(self, form: Mapping[str, str], client: tuple[str | None, SecretStr | None]) -> IssuedToken:
        place = self._place()
        began = time.time()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        name, secret = client
        if name is not None and secret is not None:
            pair = f"{quote_plus(name)}:{quote_plus(secret.get_secret_value())}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        body = urlencode({key: value for key, value in form.items() if value}).encode()
        try:
            answer = json.loads(fetched(place, self._timeout, body, headers))
            token, lasts = str(answer["access_token"]), answer.get("expires_in")
            refresh = answer.get("refresh_token")
            expires = None if lasts is None else began + float(lasts)
        except StatusError as error:
            if error.status >= _SERVER_FAILS or error.status in _LATER:
                raise PluginUnavailableError(f"{self._issuer} gives no token now: {error}") from None
            # Nothing of the answer: some issuers repeat what they were sent.
            message = f"{self._issuer} gives no token for these credentials: status {error.status}"
            raise CredentialsRefusedError(message) from None
        except OSError as error:
            raise PluginUnavailableError(f"{self._issuer} does not answer: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise PluginUnavailableError(f"{self._issuer} answered with something that is no token") from None
        return IssuedToken(SecretStr(token), expires, None if refresh is None else SecretStr(str(refresh)))

    def _place(self) -> str:
        if self._endpoint is None:
            try:
                self._endpoint = safe(str(discovered(self._issuer, self._timeout).get("token_endpoint")))
            except OSError as error:
                raise PluginUnavailableError(f"{self._issuer} does not answer: {error}") from None
            except ValueError as error:
                raise PluginUnavailableError(f"{self._issuer} does not say where it gives tokens: {error}") from None
        return self._endpoint


def _is_valid(token: IssuedToken, seconds: float) -> bool:
    return token.expires is None or token.expires - time.time() >= seconds
