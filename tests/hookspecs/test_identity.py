"""Identity: one issuer is asked; refused tokens have a reason and are repeated nowhere."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from pydantic import SecretStr

from floe_plugins import IdentityPlugin, PluginError, PluginRef, UnsupportedOperationError
from floe_plugins.hookspecs.identity import Credentials, InvalidTokenError, Principal, TokenFault

TOKEN = "eyJhbGciOiJub25lIn0.e30."  # noqa: S105 a token without a signature


@pytest.mark.parametrize("hook", ["verify", "roles", "keys"])
def test_one_issuer_answers_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(IdentityPlugin, hook) == ("second", ["second"])


def test_any_audience_will_do_and_keys_are_not_read_anew_unless_the_caller_says_so(calling: Any) -> None:
    hook = calling(
        IdentityPlugin,
        echo={"verify": lambda _self, audience: ("for", audience), "keys": lambda _self, refresh: {"new": refresh}},
    )
    assert hook.verify(token=TOKEN) == ("for", None)
    assert hook.verify(token=TOKEN, audience="floe") == ("for", "floe")
    assert hook.keys() == {"new": False}


def test_a_refused_token_is_refused_even_if_another_issuer_would_take_it(calling: Any) -> None:
    def refuse(_self: object) -> Any:
        raise InvalidTokenError("not ours", reason=TokenFault.WRONG_ISSUER)

    taking = {"verify": lambda _self: Principal("somebody", "elsewhere")}
    hook = calling(IdentityPlugin, taking=taking, refusing={"verify": refuse})
    with pytest.raises(InvalidTokenError):
        hook.verify(token=TOKEN)


def test_that_somebody_has_no_role_is_an_answer(calling: Any) -> None:
    admin = {"roles": lambda _self: frozenset({"admin"})}
    hook = calling(IdentityPlugin, generous=admin, strict={"roles": lambda _self: frozenset()})
    assert hook.roles(principal=Principal("somebody", "here")) == frozenset()


@pytest.mark.parametrize("reason", TokenFault)
def test_a_refusal_keeps_its_reason_and_its_words_through_pickling(reason: TokenFault) -> None:
    error = InvalidTokenError("not to be trusted", reason=reason, ref=PluginRef.parse("identity:oidc"), hint="Log in")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 made one line above
    assert type(copy) is InvalidTokenError
    assert copy.reason is reason
    assert str(copy) == str(error) == "identity:oidc: not to be trusted. Log in"


def test_a_refusal_is_a_plugin_error_and_a_value_error() -> None:
    error = InvalidTokenError("expired", reason=TokenFault.EXPIRED)
    assert isinstance(error, PluginError)
    assert isinstance(error, ValueError)


def test_a_refusal_has_no_place_for_the_token() -> None:
    with pytest.raises(TypeError, match="token"):
        InvalidTokenError("malformed", reason=TokenFault.MALFORMED, token=TOKEN)


def test_a_reason_is_a_plain_word_for_callers_and_in_json() -> None:
    assert TokenFault.EXPIRED == "expired"
    assert json.dumps({"reason": TokenFault("bad_signature")}) == '{"reason": "bad_signature"}'


def test_a_principal_shows_who_it_is_and_keeps_its_claims_to_itself() -> None:
    principal = Principal("somebody", "https://issuer.test", {"email": "somebody@acme.test"}, expires=1.0)
    assert "somebody" in repr(principal)
    assert "https://issuer.test" in repr(principal)
    assert "acme.test" not in f"{principal} {principal!r} {[principal]}"
    assert principal.claims["email"] == "somebody@acme.test"


@pytest.mark.parametrize("hook", ["authenticate", "service_token"])
def test_one_provider_answers_a_hook_that_was_added_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(IdentityPlugin, hook) == ("second", ["second"])


def test_an_older_provider_gives_no_tokens_and_says_so_without_the_secret(calling: Any) -> None:
    hook = calling(IdentityPlugin, old={})
    with pytest.raises(UnsupportedOperationError, match="identity:old takes no credentials of 'ada'") as caught:
        hook.authenticate(credentials=Credentials("ada", SecretStr("hunter2")))
    assert "hunter2" not in str(caught.value)
    with pytest.raises(UnsupportedOperationError, match="no token of its own for anyone for 60 seconds"):
        hook.service_token()
