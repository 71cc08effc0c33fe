import pytest

from floe_plugins.configuration.redaction.names import is_secret_name

HIDDEN = """
    password PASSWORD db_passwd dbpassword passphrase passPhrase pass_phrase passcode pass pwd pw pswd api_key apiKey
    apikey accessKeyId AWS_HIDDEN_ACCESS_KEY stripe_key signing_key authToken refresh-token token tokens client.secret
    secrets SENTRY_DSN credentials cred creds connectionString conn_str Authorization bearer session_cookie private_pem
    private_key seed seed_phrase recovery_codes jwt otp pin salt auth basic_auth github_pat X_PASSWORD password1
"""
PLAIN = """
    path size user keyboard keep author compass host threads monkey secretary key keys primary_key primary_keys
    foreign_key partition_keys sort_key order_key join_keys public_key cache_key max_tokens min_tokens tokens_per_minute
    token_url token_count token_type token_limit tokenizer key_file key_name key_column private_key_path password_file
    password_policy passwordless auth_url auth_method secret_name secrets_backend cookie_domain random_seed bypass
    passenger passthrough_columns next_token pad_token spin opinion pinned turkey hockey whiskey authors
"""


@pytest.mark.parametrize("name", HIDDEN.split())
def test_a_name_that_says_so_is_secret(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["", 3, *PLAIN.split()])
def test_other_names_are_not(name):
    assert not is_secret_name(name)


def test_only_whole_words_count_also_in_pairs():
    assert is_secret_name("api_key")
    assert not is_secret_name("api_k")
    assert is_secret_name("token_url") is False
