"""The limits of the edge as operators write them."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.limits import LimitSettings, Strategy, load_limits
from config.sections import Profile
from http_edge.limits import check_limits
from http_edge.routes import ROUTES


def load(folder: Path | None = None, profile: Profile | None = None) -> dict[str, LimitSettings]:
    return load_limits(folder, profile, check=lambda limit: check_limits(ROUTES, limit)).limits


@pytest.mark.parametrize("profile", list(Profile))
def test_what_is_shipped_is_right(profile: Profile) -> None:
    limits = load(profile=profile)
    assert limits["logins"].cost_of("POST /auth/login") == 1
    assert limits["logins"].cost_of("GET /members") == 0
    assert limits["requests"].cost_of("GET /members") == 1
    assert limits["requests"].quota == (10_000_000 if profile is Profile.TEST else 6_000)


def test_the_operators_file_lies_over_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "limits.yaml").write_text('limits:\n  logins:\n    quota: 3\n  requests:\n    routes: {"*": 0}\n')
    limits = load(tmp_path)
    assert (limits["logins"].quota, limits["logins"].strategy) == (3, Strategy.TOKEN_BUCKET)
    assert limits["requests"].cost_of("GET /members") == 0


def test_the_closest_name_of_a_route_counts(tmp_path: Path) -> None:
    (tmp_path / "limits.yaml").write_text(
        'limits:\n  mine:\n    strategy: token_bucket\n    quota: 100\n    per: user, route\n'
        '    routes: {"*": 1, "GET /portfolio*": 5, "GET /portfolio/proof": 20, "GET /portfolio/ageing": 0}\n'
    )  # fmt: skip
    mine = load(tmp_path)["mine"]
    costs = {
        route: mine.cost_of(f"GET {route}") for route in ("/members", "/portfolio", "/portfolio/proof", "/portfolio/ageing")
    }
    assert costs == {"/members": 1, "/portfolio": 5, "/portfolio/proof": 20, "/portfolio/ageing": 0}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["strategy: tocken_bucket", "quota: 1", "per: [user]"],
            "limits.yaml:3: limits.mine.strategy: should be 'fixed_window'",
        ),
        (["strategi: fixed_window", "quota: 1", "per: [user]"], "limits.mine.strategi: unknown key; did you mean strategy?"),
        (["strategy: fixed_window", "quota: 0", "per: [user]"], "limits.yaml:4: limits.mine.quota: should be greater"),
        (["strategy: fixed_window", "quota: 1", "per: [phone]"], "limits.yaml:5: limits.mine.per.0: should be 'address'"),
        (["strategy: fixed_window", "quota: 1", "per: []"], "limits.yaml:5: limits.mine.per: "),
        (["strategy: fixed_window", "quota: 1", "per: [user, everything]"], "everything is not counted apart"),
        (["strategy: fixed_window", "quota: 1", "per: [user]", "burst: 2"], "burst is of the buckets alone"),
        (["strategy: sliding_window_log", "quota: 10001", "per: [user]"], "take sliding_window_counter"),
        (
            ["strategy: leaky_bucket", "quota: 50", "per: [user]", 'routes: {"*": 6}'],
            "* costs more than may ever pass at once, 5",
        ),
        (
            ["strategy: fixed_window", "quota: 1", "per: [user]", "routes:", "  POST /auth/logim: 1"],
            "limits.yaml:7: limits.mine.routes.POST /auth/logim: there is no such route; did you mean POST /auth/login?",
        ),
        (["strategy: fixed_window", "quota: 1", "per: [user]", "routes: {GET /nowhere*: 1}"], "there is no such route"),
        (["strategy: fixed_window", "quota: 1", "per: [user]", "routes: {wrong API kee: 1}"], "did you mean wrong API key?"),
    ],
)
def test_a_bad_limit_is_refused_with_its_line(tmp_path: Path, lines: list[str], said: str) -> None:
    (tmp_path / "limits.yaml").write_text("limits:\n  mine:\n" + "".join(f"    {line}\n" for line in lines))
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert said in str(caught.value)
