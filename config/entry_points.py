"""Where the parts above the runtime begin, as words.

The command line belongs to the runtime, and the house's arrows point from the edge and the actors down to it: it starts them,
so it has to know their names; it may not import them, so that nothing of theirs leaks into it. Names in config are the way, as
pools.yaml names actors.
"""

OPENAPI_DOCUMENT = "http_edge.openapi:openapi_document"
"""routes -> the OpenAPI document."""
PUBLISH = "http_edge.publishing:publish"
"""(OpenAPI document, file) -> writes it for clients to hold on to. ConfigError where they could break."""
ROUTES = "http_edge.routes:ROUTES"
"""The route table."""
RUN_EDGE = "http_edge.process:run_edge"
"""(settings, environment) -> runs the edge until told to stop."""
ASYNCAPI_DOCUMENT = "runtime.asyncapi:asyncapi_document"
"""(settings, environment) -> the AsyncAPI document."""
UP = "runtime.up:up"
"""(environment) -> servers, migrations, demo data, actors and edge, until told to stop."""
SEED_DEMO = "http_edge.demo:seed"
"""(client, password) -> makes the demo institution by messages; the logins it has."""
