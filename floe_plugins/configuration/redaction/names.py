"""Decide by its name alone whether a field, key or variable holds a secret."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise


def words(text: str) -> frozenset[str]:
    """Return the words of a text, to write long lists of them in little space.

    >>> sorted(words("a b"))
    ['a', 'b']
    """
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(text.split("; "))


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Words that make a name secret wherever they stand in it.
_SECRET = words(
    "password passwords passwd passphrase passphrases passcode passcodes pswd pwd pw secret secrets token tokens "
    "credential credentials cred creds dsn authorization cookie cookies bearer mnemonic cvv apikey apikeys "
    "accesskey secretkey privatekey authkey signingkey encryptionkey sharedkey accountkey sshkey masterkey apitoken "
    "authtoken accesstoken refreshtoken sessiontoken bearertoken clientsecret connectionstring connstr connstring "
    "seedphrase"
)
# Words that do so only at the end.
_SECRET_LAST = words("pass auth pin otp totp jwt sas salt seed")
# Words that do so as a pair.
_SECRET_PAIRS = _phrases(
    "pass phrase; pass code; pass word; seed phrase; seed words; recovery phrase; recovery code; recovery codes; "
    "backup codes; conn str; connection string; private pem; access code; security code; api key; api keys; access "
    "key; access keys; secret key; private key; private keys; signing key; encryption keys; signing keys; account "
    "key; shared key; ssh keys; auth keys; key material; github pat; gitlab pat; azure pat"
)
# What such a name speaks about instead, at its end: the place, number, kind or age of a secret.
_ABOUT = words(
    "url urls uri endpoint count counts limit limits type types kind name names file files filename path paths dir "
    "directory folder length len size sizes ttl expiry expires expiration lifetime timeout seconds minutes field "
    "fields column columns header headers policy rotation provider providers backend manager mode enabled disabled "
    "required format prefix suffix var variable version algorithm alg regex pattern index budget usage bucket "
    "issuer audience scope scopes arn location address host port method methods domain domains through rate by per "
    "age rounds retries cache table hints strategy style class store"
)
# What stands before such a word where it counts, or means, something else.
_COUNTED = words(
    "max min num n total count limit prompt completion input output stop special pad eos bos unk mask sep cls next "
    "page continuation cancellation cancel gpio random rng use has is no allow require first second final low high "
    "band single multi two"
)
# Keys that are no secrets: of tables, of sorting, of files.
_PLAIN_KEYS = words(
    "primary foreign partition sort unique natural surrogate business join group cluster clustering hash range "
    "order ordering cache row column map index object lookup dedupe dedup deduplication merge composite routing "
    "message public event record entity id parent child source target tenant hot key sorting distribution shard "
    "bucket candidate alternate idempotency i18n translation metric label tag dict json field any by on alias"
)
_UNCLEAR_ENDS = ("password", "passwd", "passphrase", "passcode")


@lru_cache(maxsize=4096)
def _is_secret(text: str) -> bool:
    found = [word.lower() for word in _WORD.findall(text)]
    if not found or found[-1] in _ABOUT or "per" in found:
        return False
    pairs = [" ".join(pair) for pair in pairwise(found)]
    if any(pair in _SECRET_PAIRS for pair in pairs):
        return True
    counted = not _COUNTED.isdisjoint(found[:-1])
    for word in found:
        if word in _SECRET or word.endswith(_UNCLEAR_ENDS):
            return not counted or word.endswith(_UNCLEAR_ENDS)
    if found[-1] in _SECRET_LAST:
        return not counted
    return found[-1] == "key" and len(found) > 1 and _PLAIN_KEYS.isdisjoint(found[:-1])


def is_secret_name(name: object) -> bool:
    """Return whether a field, key or variable with this name holds a secret.

    Only whole words count, as ``_``, ``-``, ``.`` and capitals separate them.

    >>> is_secret_name("apiKey"), is_secret_name("primary_key"), is_secret_name("monkey"), is_secret_name("max_tokens")
    (True, False, False, False)
    """
    text = name if type(name) is str else str(name)
    return _is_secret(text[:200])
