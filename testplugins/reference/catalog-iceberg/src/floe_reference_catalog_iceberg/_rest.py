"""A REST catalog, as Iceberg specifies it. Imports PyIceberg, so it is imported when first used."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    AuthorizationExpiredError,
    CommitStateUnknownException,
    ForbiddenError,
    OAuthError,
    RESTError,
    ServerError,
    ServiceUnavailableError,
    TooManyRequestsError,
    UnauthorizedError,
)
from requests import RequestException

from floe_plugins import PluginError, PluginUnavailableError
from floe_reference_catalog_iceberg._backend import Backend, UnknownOutcomeError

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

_REFUSED = (UnauthorizedError, ForbiddenError, AuthorizationExpiredError, OAuthError)
_UNAVAILABLE = (ServiceUnavailableError, TooManyRequestsError)


class Service(Backend):
    """A service by its address, and the properties by which PyIceberg reaches it."""

    def __init__(self, address: str, properties: Mapping[str, str]) -> None:
        self._address = address
        self._properties = properties
        self._catalog: Catalog | None = None
        self.details = {"service": address}

    def open(self, name: str, properties: Mapping[str, str]) -> Catalog:
        # The service has its own word for a warehouse.
        given = {key: value for key, value in properties.items() if key != "warehouse"}
        with self.translated():
            self._catalog = RestCatalog(name, **{**given, **self._properties, "uri": self._address})
        return self._catalog

    def close(self, catalog: Catalog) -> None:
        self._catalog = None
        # PyIceberg has this from 0.11 on.
        close = getattr(catalog, "close", None)
        if close is not None:
            close()

    @contextlib.contextmanager
    def translated(self) -> Generator[None, None, None]:
        # Not chained: answers and requests may contain tokens.
        failure: PluginError | None = None
        where = f"the catalog's service {self._address}"
        try:
            yield
        except _REFUSED:
            failure = PluginError(f"{where} refuses who asks", hint="Correct user and password of its URI")
        except (CommitStateUnknownException, ServerError) as error:
            failure = UnknownOutcomeError(f"{where} has failed ({type(error).__name__})")
        except RequestException as error:
            # A connection that breaks within a commit is one of these, too.
            failure = UnknownOutcomeError(f"{where} does not answer ({type(error).__name__})")
        except _UNAVAILABLE as error:
            failure = PluginUnavailableError(f"{where} is not available ({type(error).__name__})")
        except RESTError as error:
            failure = PluginError(f"{where} cannot do that ({type(error).__name__})")
        if failure is not None:
            raise failure

    def check_reading(self) -> None:
        if self._catalog is not None:
            with self.translated():
                self._catalog.list_namespaces()

    def check_writing(self) -> None:
        """Do nothing: that would change something."""


def parse(uri: str, *, secret: str) -> Service:
    """The service of a URI: user and password are its client credentials, a password alone is a token.

    Parameters are properties of PyIceberg, such as ``warehouse``.

    Raises:
        PluginError: it is none. Does not show the URI.
    """
    try:
        parts = urlsplit(uri)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        host = port = ""
    if not host:
        hint = f"Store a URI such as https://USER:PASSWORD@catalog.example.com/iceberg?warehouse=lake as {secret}"
        raise PluginError(f"the secret {secret} is not the URI of a REST catalog", hint=hint)
    properties = dict(parse_qsl(parts.query))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user:
        properties["credential"] = f"{user}:{password}"
    elif password:
        properties["token"] = password
    return Service(f"{parts.scheme}://{host}{port}{parts.path}", properties)
