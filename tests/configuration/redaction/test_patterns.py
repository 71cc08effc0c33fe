import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_plugins.configuration.redaction.matcher import Matcher
from floe_plugins.configuration.redaction.patterns import find_secret_patterns, found_parts, is_ordinary, secret_parts

AWS = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def redact(text):
    return Matcher([]).mask(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://scott:tiger@db:5432/x?a=b", "postgresql://***@db:5432/x?a=b"),
        ("https://me:p@ss:word@example.org/", "https://***@example.org/"),
        ("postgresql://me:pa/ss@db/x", "postgresql://***@db/x"),
        ("postgresql://me:pa?s#s@db/x", "postgresql://***@db/x"),
        ("https://0123456789abcdef0123@example.org/", "https://***@example.org/"),
        ("redis://:hunter2@cache", "redis://***@cache"),
        ("host=db password=hunter2 port=1", "host=db password=*** port=1"),
        ('password="correct horse battery" port=1', 'password="***" port=1'),
        ("password='correct horse", "password='***"),
        ('{"api_key": "hunter2"}', '{"api_key": "***"}'),
        ('{\\"api_key\\": \\"hunter2 and 3\\"}', '{\\"api_key\\": \\"***\\"}'),
        ("https://x.org/?sig=abcdef&b=1", "https://x.org/?sig=***&b=1"),
        ("Bearer abc.def-ghi", "Bearer ***"),
        ("password: expect", "password: ***"),  # a part of a word that stands in messages about passwords
        ("Authorization: Token 0123456789", "Authorization: Token ***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("{'authorization': 'hunter2'}", "{'authorization': '***'}"),
        ("eyJhbGciOi.eyJzdWIiOi.c2ln", "***"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
        (f"aws_secret_access_key = {AWS}", "aws_secret_access_key = ***"),
        (f"AWS says that secret access key {AWS} is wrong", "AWS says that secret access key *** is wrong"),
        ("ghp_0123456789abcdefABCDEF0123456789abcd", "***"),
        ("SG.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf09kqeF8tAmbihYzrnopKc1s5cr", "***"),
        ("glsa_HOruNAb7SOiCdshU9algrrq7F1234567_1a2b3c4d", "***"),
        ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXX", "https://hooks.slack.com/services/***"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "***"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ\n-----END PGP PRIVATE KEY BLOCK-----!", "***!"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", "***"),
    ],
)
def test_secrets_are_known_by_their_form(text, shown):
    assert redact(text) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "https://example.org/path:x@y",
        "https://example.org:8080/path?mail=me@example.org",
        "user@example.org",
        "s3://bucket/key",
        "a basic idea",
        "basic authentication failed",
        "the bearer token is missing",
        "10:30",
        "x=1",
        "invalid token: expected a string",
        "table orders has no column order_id; primary_key=order_id, max_tokens=4096",
        "token_url: https://login.example.org/token",
        "commit 0123456789abcdef0123456789abcdef01234567 refused access",
        "sk-learn-is-not-installed",
        "pk_orders_2024_customer",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "passenger=Smith, monkey: Koko, key=value",
        "needs secrets:env, secrets:s3-vault2 and secrets:azure_key>=1.2",
        "secrets:env: its setting secrets:env.prefix is wrong. See 'secrets:env'.",
    ],
)
def test_ordinary_texts_are_left_alone(text):
    assert redact(text) == text


WORD = "[a-z]{1,30}[0-9]{0,3}"


@given(
    # A name that is like a service's token, or that of a secret setting, hides what it is or stands before.
    st.from_regex(f"{WORD}([-_]{WORD}){{0,3}}", fullmatch=True).filter(lambda name: "***" not in redact(f"{name}: x")),
    st.sampled_from(["", ".", ":", ",", ")", "'", ">=1"]),
)
def test_the_name_of_a_plugin_is_left_alone(name, behind):
    text = f"cannot use secrets:{name}{behind} here"
    assert redact(text) == text


@given(
    st.from_regex(r"[a-z]{2,8}[0-9]{1,3}(?!==)[A-Z@/+=$][\w@/+=$]{2,20}", fullmatch=True),  # ==: a plugin's version
    st.sampled_from([":", ": ", "="]),
)
def test_what_stands_behind_the_word_secrets_and_is_no_name_is_masked(value, separator):
    assert value[-6:] not in redact(f"cannot use secrets{separator}{value} here")
    assert redact(f"the secrets = {value!r}") == "the secrets = '***'"


@given(st.from_regex("[a-z]{6,12}[0-9]{1,3}", fullmatch=True))
def test_a_known_secret_is_masked_even_where_it_looks_like_the_name_of_a_plugin(secret):
    assert secret not in Matcher([secret]).mask(f"cannot use secrets:{secret} here")


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "eyJ-",
        "a.",
        "://",
        "a://b:",
        "a://b:/",
        "password='",
        "-----BEGIN",
        "basic",
        "@",
        "sk-",
        "xoxb",
        "secret",
        "Authorization:",
        "password:",
        "x=",
        '"',
        "aws",
    ],
)
def test_texts_of_any_length_are_searched_in_one_go(piece):
    redact(f"{piece} " * (500_000 // len(piece)))
    redact(piece * (500_000 // len(piece)))


def test_what_all_texts_of_a_form_have_in_common_is_no_part_of_the_secret():
    assert secret_parts("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----") == ["\nMIIE\n"]
    assert secret_parts("https://abc@sentry.example.org/1") == ["abc"]
    assert secret_parts("https://example.org/T1/B2") == ["example.org/T1/B2"]
    assert secret_parts("https://example.org/T1/0123456789abcdef0") == ["0123456789abcdef0"]
    assert secret_parts("https://example.org/T1/0123456789abcdef") == ["0123456789abcdef"]
    assert secret_parts("Bearer abc") == ["abc"]
    assert secret_parts("hunter2 at://all@x") == ["hunter2 at://all@x"]  # no URL: it does not begin with a scheme
    assert secret_parts("ab=cd") == ["ab=cd"]
    assert found_parts("postgres:hunter2") == ["hunter2"]
    assert found_parts("hunter2") == ["hunter2"]
    assert found_parts("hunter2:") == ["hunter2:"]
    assert found_parts(":hunter2") == ["hunter2"]
    assert found_parts("not-a-user:hunter2") == ["not-a-user:hunter2"]
    assert find_secret_patterns("x") == []
    assert find_secret_patterns("pw=abc") == ["abc"]
    assert find_secret_patterns("db_password=hunter2") == ["hunter2"]
    assert find_secret_patterns("İ password=hunter2") == ["hunter2"]  # longer in lower case


@pytest.mark.parametrize("text", ["None", "true", "5432", "3.14", "-1"])
def test_words_and_numbers_that_occur_everywhere_are_ordinary(text):
    assert is_ordinary(text, by_name=False)


@pytest.mark.parametrize("text", ["default", "kerberos", "/etc/keys/app.pem", "~/token.json"])
def test_words_and_paths_are_ordinary_only_where_a_name_alone_says_secret(text):
    assert is_ordinary(text, by_name=True)
    assert not is_ordinary(text, by_name=False)


@pytest.mark.parametrize("text", ["hunter2", "123456", "/8sd7f+Kx/0a==", "kerb", "oauth2 anon"])
def test_others_are_not(text):
    assert not is_ordinary(text, by_name=True)


@pytest.mark.parametrize("before", range(16))
def test_every_value_behind_a_name_is_masked_wherever_the_names_stand(before):
    space = " " * before
    text = f"{space}password=hunter2prod token=hunter2test secret=hunter2demo"
    assert redact(text) == f"{space}password=*** token=*** secret=***"
