import pytest

from floe_plugins.configuration.masking import MASK, conceal, says_secret, scrub


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "db_passwd",
        "passphrase",
        "passPhrase",
        "api_key",
        "apiKey",
        "apikey",
        "accessKeyId",
        "AWS_SECRET_ACCESS_KEY",
        "key",
        "keys",
        "authToken",
        "refresh-token",
        "client.secret",
        "SENTRY_DSN",
        "credentials",
        "connectionString",
        "Authorization",
        "session_cookie",
        "private_pem",
        "pwd",
    ],
)
def test_a_name_that_says_so_is_secret(name):
    assert says_secret(name)


@pytest.mark.parametrize(
    "name", ["path", "size", "user", "keyboard", "keep", "author", "compass", "host", "", "threads"]
)
def test_other_names_are_not(name):
    assert not says_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://scott:tiger@db:5432/x?a=b", "postgresql://***@db:5432/x?a=b"),
        ("https://me:p@ss:word@example.org/", "https://***@example.org/"),
        ("https://0123456789abcdef0123@example.org/", "https://***@example.org/"),
        ("redis://:hunter2@cache", "redis://***@cache"),
        ("host=db password=hunter2 port=1", "host=db password=*** port=1"),
        ('{"api_key": "hunter2"}', '{"api_key": "***"}'),
        ("https://x.org/?sig=abcdef&b=1", "https://x.org/?sig=***&b=1"),
        ("Bearer abc.def-ghi", "Bearer ***"),
        ("eyJhbGciOi.eyJzdWIiOi.c2ln", "***"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
        ("ghp_0123456789abcdefABCDEF0123456789abcd", "***"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "***"),
    ],
)
def test_secrets_are_known_by_their_form(text, shown):
    assert conceal(text) == shown


@pytest.mark.parametrize(
    "text",
    ["", "a", "https://example.org/path:x@y", "user@example.org", "s3://bucket/key", "a basic idea", "10:30", "x=1"],
)
def test_ordinary_texts_are_left_alone(text):
    assert conceal(text) == text


@pytest.mark.parametrize(
    "piece", ["a", "eyJ-", "a.", "://", "a://b:", "password ", "-----BEGIN ", "basic ", "@", "sk-", "xoxb"]
)
def test_texts_of_any_length_are_searched_in_one_go(piece):
    conceal(piece * (1_000_000 // len(piece)))


@pytest.mark.parametrize(
    ("message", "secret", "left"),
    [
        ("cannot use 'hunter2'", "hunter2", "cannot use '***'"),
        ("cannot use HUNTER2!", "hunter2", "cannot use ***!"),
        ("begins with hunt", "hunter2", "begins with ***"),
        ("no match", "hunter2", "no match"),
        ("pin is 123, not 1234", "123", "pin is ***, not 1234"),
        ("a and b", "a", "*** and b"),
        ("İstanbul hunter2", "hunter2", "İstanbul ***"),
        ("anything", "", "anything"),
    ],
)
def test_a_message_loses_every_trace_of_a_secret(message, secret, left):
    assert scrub(message, [secret]) == left


def test_a_message_loses_what_is_secret_by_its_form_too():
    assert scrub("cannot reach https://me:hunter2@x.org", []) == f"cannot reach https://{MASK}@x.org"
