"""What the operations of the OpenAPI document share: headers, problems, how to log in; and the paths beside the route table."""

from typing import Any

from http_edge.api_keys import HEADER
from http_edge.events.topics import TOPICS
from http_edge.problems import CONTENT_TYPE, EDGE_RULES, title_of, type_of

Json = dict[str, Any]

INFO: Json = {
    "title": "Coffer",
    "version": "1",
    "summary": "Core banking for small lenders and savings cooperatives.",
    "description": (
        'Money is `{"amount": "1250.00", "currency": "KES"}`: a decimal string, never a number. '
        "Dates are ISO 8601, times are UTC.\n\n"
        "Lists come in pages: `items`, and a `next_cursor` to pass as `cursor` for the next page, until there is none.\n\n"
        "Whatever moves money needs an `Idempotency-Key`; a request repeated with its key is done once, and gets the first "
        "answer, byte for byte. Ask again with the same key after 409 `request_in_progress`, 503, or no answer at all.\n\n"
        "Resources that change carry a `version`, also as `ETag`; send it back as `If-Match` and nobody's change is lost.\n\n"
        "Errors are problem details (RFC 9457) with a stable `rule`; `/problems` lists all of them."
    ),
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}

SECURITY: Json = {
    "access_token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": (
            "The `access_token` of POST /api/v1/auth/login, for `expires_in_seconds`; then POST /api/v1/auth/refresh trades the "
            "`refresh_token` for the next one. Or an API key, in the same place."
        ),
    },
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": HEADER,
        "description": (
            "The `key` of POST /api/v1/api-keys: for a program that works in somebody's name. Send it or a token, not both: "
            "log out of the one before the other is used."
        ),
    },
}
ACCESS_TOKEN: Json = {"access_token": []}
API_KEY: Json = {"api_key": []}

_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The client's, one per intention, such as a UUID in double quotes: 1 to 255 visible ASCII characters.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 512,
        # Of the schema, not of the parameter: the page at /api/docs would fill that in, and do everything under one key.
        "examples": ['"8e03978e-40d5-43e8-bc93-6894a57f9324"'],
    },
}

PARAMETERS: Json = {
    "IdempotencyKey": {**_KEY, "required": False},
    "IdempotencyKeyRequired": {**_KEY, "required": True},
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "The `ETag` of what you read. If somebody changed it since, nothing is done: 412.",
        "schema": {"type": "string", "examples": ['"7"']},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "The `ETag` of an answer that you have. If it is still the same: 304, and no body.",
        "schema": {"type": "string"},
    },
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "required": False,
        "description": "A UUID for this conversation, in every log line and message that follows. One is made if it is absent.",
        "schema": {"type": "string", "format": "uuid"},
    },
}

RESPONSE_HEADERS: Json = {
    "X-Request-Id": {"description": "The correlation id of this request.", "schema": {"type": "string", "format": "uuid"}},
    "Location": {"description": "Where to find what was made.", "schema": {"type": "string", "format": "uri-reference"}},
    "ETag": {
        "description": "For If-None-Match; where there is a version, it is in here, and good for If-Match.",
        "schema": {"type": "string"},
        "example": '"7-4f0c2b9d8a6e1357"',
    },
    "Idempotency-Replayed": {
        "description": "`true` on an answer that was given to this key before.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Retry-After": {"description": "Seconds to wait before asking again.", "schema": {"type": "integer"}},
    "Deprecation": {
        "description": "Since when this is deprecated (RFC 9745).",
        "schema": {"type": "string"},
        "example": "@1767225600",
    },
    "Sunset": {"description": "When it is gone (RFC 8594).", "schema": {"type": "string"}},
    "Link": {"description": "What takes its place.", "schema": {"type": "string"}},
    "RateLimit": {
        "description": "How the limits stand that this request was counted by (draft-ietf-httpapi-ratelimit-headers-11).",
        "schema": {"type": "string"},
        "example": '"requests";r=5999;t=1',
    },
    "RateLimit-Policy": {
        "description": "What those limits are.",
        "schema": {"type": "string"},
        "example": '"requests";q=6000;w=60',
    },
    "Allow": {"description": "The methods of this path.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}},
}

PROBLEM_SCHEMA: Json = {
    "type": "object",
    "description": "Why something was not done (RFC 9457).",
    "required": ["type", "title", "status", "detail", "rule"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "The address of the rule; it can be opened."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For people."},
        "rule": {"type": "string", "description": "For programs: a stable name."},
        "errors": {
            "type": "array",
            "description": "The fields at fault, as the client wrote them, dotted.",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "facts": {"type": "object", "description": "What the rule was applied to.", "additionalProperties": True},
        "correlation_id": {
            "type": "string",
            "format": "uuid",
            "description": "Absent where an idempotency key gets the same bytes each time; see the header X-Request-Id then.",
        },
    },
    "example": {
        "type": "/problems/insufficient_funds",
        "title": "Insufficient funds",
        "status": 422,
        "detail": "The account does not have that much available.",
        "rule": "insufficient_funds",
        "errors": [{"field": "amount", "detail": "The account does not have that much available."}],
    },
}

_STATUSES: dict[str, tuple[str, tuple[str, ...]]] = {
    "400": ("The request is malformed.", ()),
    "401": ("No valid access token, or wrong credentials.", ("WWW-Authenticate",)),
    "403": ("The caller's roles do not allow this, or the password must be changed first.", ()),
    "404": ("There is no such thing, or it is not the caller's to see.", ()),
    "408": ("The request did not arrive in time.", ()),
    "409": ("It does not fit the state of things, or the same request is being worked on.", ("Retry-After",)),
    "412": ("Somebody changed it since it was read.", ()),
    "413": ("The body is too large.", ()),
    "414": ("The path with its query is too long.", ()),
    "415": ("The body is not JSON.", ()),
    "422": ("A field is wrong, or a rule of the bank says no; the rule is named.", ()),
    "429": ("More was asked than the limits allow.", ("Retry-After", "RateLimit", "RateLimit-Policy")),
    "431": ("The headers are too many or too large.", ()),
    "500": ("It could not be handled; operators know.", ()),
    "503": ("Not at the moment; ask again, with the same Idempotency-Key.", ("Retry-After",)),
}


def _problem(status: str, description: str, headers: tuple[str, ...]) -> Json:
    rules = [rule for rule, (code, _) in EDGE_RULES.items() if str(code) == status]
    response: Json = {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *headers)},
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if rules:
        response["content"][CONTENT_TYPE]["examples"] = {rule: {"value": _example(rule)} for rule in rules}
    return response


def _example(rule: str) -> Json:
    status, detail = EDGE_RULES[rule]
    return {"type": type_of(rule), "title": title_of(rule), "status": status, "detail": detail, "rule": rule}


PROBLEM_RESPONSES: Json = {status: _problem(status, *rest) for status, rest in _STATUSES.items()}


def _beside(operation_id: str, summary: str, answers: dict[str, tuple[str, str, Any]]) -> Json:
    return {
        "get": {
            "operationId": operation_id,
            "tags": ["health"],
            "summary": summary,
            "security": [],
            "responses": {
                status: {"description": description, "content": {media: {} if example is None else {"example": example}}}
                for status, (description, media, example) in answers.items()
            },
        }
    }


_AN_EVENT = (
    "event: ledger.entry_posted.v1\n"
    "id: 5f0e9c1a22b4-1764300000000-0\n"
    'data: {"event_id": "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d501", "type": "ledger.entry_posted.v1", "at_seconds": 1764300000, '
    '"ids": {"account_id": ["0192d4a0-7c1e-7a53-9a5b-0f8a2c61d101"]}}\n\n'
)
EVENTS: Json = {
    "get": {
        "operationId": "listen",
        "tags": ["events"],
        "summary": "Listen to events as they happen",
        "description": (
            "A stream of server-sent events: what happened, and to which things, by their ids; read them for what they are now. "
            "Who reaches only their own hears of their own. The event `reset` says that something is missing: read anew. "
            "The stream ends when the access token does; come again with `Last-Event-ID` and a new one. "
            "Look at it by `curl -N`; the page at /api/docs waits for an end that does not come."
        ),
        "parameters": [
            {
                "name": "topics",
                "in": "query",
                "required": False,
                "description": "Which; all that the caller may read where none is named. Several are separated by commas.",
                "schema": {"type": "array", "items": {"type": "string", "enum": list(TOPICS)}},
                "explode": False,
            },
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "description": "The last `id` that was received: go on from there.",
                "schema": {"type": "string"},
            },
            {"$ref": "#/components/parameters/RequestId"},
        ],
        "responses": {
            "200": {
                "description": "The stream.",
                "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
                "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _AN_EVENT}},
            },
            **{
                status: {"$ref": f"#/components/responses/{status}"}
                for status in ("400", "401", "403", "422", "429", "500", "503")
            },
        },
    }
}

_JSON, _TEXT = "application/json", "text/plain"
_GUESSED = ("To an address that brought too many API keys that are not good.", CONTENT_TYPE, _example("quota_exceeded"))
_LOGGED_OUT = ("To a token that is not good any more.", CONTENT_TYPE, _example("unauthenticated"))
BESIDE_THE_TABLE: Json = {
    "/health": _beside("health", "Whether the server is alive", {"200": ("It is.", _JSON, {"status": "alive"})}),
    "/ready": _beside(
        "ready",
        "Whether the server should be given work",
        {
            "200": ("It should.", _JSON, {"ready": True}),
            "401": _LOGGED_OUT,
            "429": _GUESSED,
            "503": (
                "Not now. Operators are told which piece is not ready.",
                _JSON,
                {"ready": False, "pieces": {"edge": "ok", "broker": "away"}},
            ),
        },
    ),
    "/metrics": _beside(
        "metrics",
        "What the server counts, for Prometheus",
        {
            "200": ("For operators.", _TEXT, "coffer_http_in_flight 3.0\n"),
            "401": _LOGGED_OUT,
            "429": _GUESSED,
            "403": ("For others.", CONTENT_TYPE, _example("forbidden")),
        },
    ),
    "/api/v1/openapi.json": _beside("openapi", "This document", {"200": ("OpenAPI 3.1.", _JSON, None)}),
    "/problems": _beside(
        "list_problems",
        "Every rule that a problem can name",
        {"200": ("By name.", _JSON, {"items": [_example("forbidden")]})},
    ),
    "/api/docs": _beside("docs", "This document, to read and to try", {"200": ("A page.", "text/html", None)}),
    "/api/docs.json": _beside("docs_json", "This document, as the page reads it", {"200": ("OpenAPI 3.1.", _JSON, None)}),
}
BESIDE_THE_TABLE["/api/v1/events"] = EVENTS
"""What is served beside the route table."""
