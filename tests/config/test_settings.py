"""Settings as an operator meets them: files, variables, and what is said when one is wrong."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import ConfigError, Profile, load_settings

GOOD_PRODUCTION = {
    "COFFER_PROFILE": "production",
    "COFFER_DATABASE_URL": "postgresql://bank:h7Kq-93jf-Lp2x@db/coffer",
    "COFFER_BROKER_URL": "amqp://broker:5672/coffer",
    "COFFER_BROKER__PASSWORDS__EDGE": "x9fK-27sd-Qm4w",
    "COFFER_BROKER__PASSWORDS__ACTORS": "p3Zt-58hg-Vb6n",
    "COFFER_REDIS_URL": "redis://:m5Yc-41ak-Rd8u@cache:6379/0",
    "COFFER_IDENTITY__KEY_SECRET": "b0f7c1d94a6e4f2d8c3b5a7e9d1f2c4b",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def refused(environment: dict[str, str], folder: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(environment, folder)
    return str(caught.value)


def test_without_anything_the_defaults_are_a_dev_bank_on_port_8080() -> None:
    settings = load_settings({})
    assert (settings.profile, settings.http.host, settings.http.port) == (Profile.DEV, "127.0.0.1", 8080)
    assert settings.seeds_demo
    assert settings.identity.bcrypt_cost == 12


def test_the_test_profile_is_fast_and_takes_a_free_port() -> None:
    settings = load_settings({"COFFER_PROFILE": "test"})
    assert (settings.http.port, settings.identity.bcrypt_cost, settings.seeds_demo) == (0, 4, False)


def test_a_file_lies_over_the_shipped_one_key_by_key_and_the_environment_over_both(folder: Path) -> None:
    (folder / "settings.yaml").write_text("http:\n  port: 9000\n  limits:\n    body_bytes: 4096\n    max_in_flight: 7\n")
    (folder / "settings.dev.yaml").write_text("http:\n  limits:\n    body_bytes: 8192\n")
    http = load_settings({"COFFER_HTTP__LIMITS__MAX_IN_FLIGHT": "9", "COFFER_CONFIG_DIR": str(folder)}).http
    assert (http.host, http.port, http.limits.body_bytes, http.limits.max_in_flight) == ("127.0.0.1", 9000, 8192, 9)


def test_every_day_is_a_business_day_until_a_calendar_says_otherwise(folder: Path) -> None:
    assert (load_settings({}).business_calendar.weekend, load_settings({}).business_calendar.holidays) == ((), ())
    (folder / "settings.yaml").write_text("business_calendar:\n  weekend: [5, 6]\n  holidays: [2026-12-25, 2027-01-01]\n")
    calendar = load_settings({"COFFER_CONFIG_DIR": str(folder)}).business_calendar
    assert (calendar.weekend, calendar.holidays) == ((5, 6), (date(2026, 12, 25), date(2027, 1, 1)))
    said = {"COFFER_BUSINESS_CALENDAR__WEEKEND": "6,7", "COFFER_BUSINESS_CALENDAR__HOLIDAYS": "2026-12-25, 2026-12-28"}
    calendar = load_settings(said).business_calendar
    assert (calendar.weekend, calendar.holidays) == ((6, 7), (date(2026, 12, 25), date(2026, 12, 28)))
    assert "COFFER_BUSINESS_CALENDAR__WEEKEND" in refused({"COFFER_BUSINESS_CALENDAR__WEEKEND": "6,8"})


def test_the_operators_files_are_looked_for_in_the_state_directory_first(folder: Path) -> None:
    (folder / "config").mkdir()
    (folder / "config" / "settings.yaml").write_text("telemetry: {log_level: debug}")
    assert load_settings({"COFFER_STATE_DIR": str(folder)}).telemetry.log_level == "debug"


def test_a_section_with_all_its_lines_commented_out_changes_nothing(folder: Path) -> None:
    (folder / "settings.yaml").write_text("http:\n#  port: 9000\n")
    assert load_settings({}, folder).http.port == 8080


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings({"COFFER_REDIS_URL": "", "COFFER_HTTP__PORT": ""}).redis.url is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http:\n  prot: 80\n", "settings.yaml:2: http.prot: unknown key; did you mean port?"),
        ("htpt:\n  port: 80\n", "settings.yaml:1: htpt: unknown key; did you mean http?"),
        ("http:\n  host: a\n  port: 70000\n", "settings.yaml:3: http.port: should be less than or equal to 65535, not '70000'"),
        ("http:\n  port: yes\n", "settings.yaml:2: http.port: should be a valid integer"),
        ("http:\n  port: 1\n  port: 2\n", "settings.yaml:3: http.port: said twice, first in"),
        ("http: 5\n", "settings.yaml:1: http: should be a valid dictionary"),
        ("- http\n", "settings.yaml:1: the file holds a list or a word"),
        ("http:\n  port: [1\n", "settings.yaml:3: expected"),
        ("a: &x {b: 1}\nhttp: *x\n", "settings.yaml:2: anchors and aliases are not used here"),
        ("http: !!python/object/apply:os.system [ls]\n", "settings.yaml:1: the tag"),
        ("http:\n\tport: 1\n", "settings.yaml:2: found character"),
        ("profile: production\n", "settings.yaml:1: profile: is decided by COFFER_PROFILE alone"),
        ("http:\n  limits:\n    deadline_seconds: .nan\n", "settings.yaml:3: http.limits.deadline_seconds: should be"),
        (
            "identity:\n  refresh_days_idle: 40\n",
            "settings.yaml:1: identity: refresh_days_idle is longer than refresh_days_absolute",
        ),
        (
            "identity:\n  lockout_forget_minutes: 10\n",
            "settings.yaml:1: identity: lockout_longest_seconds is longer than lockout_forget_minutes",
        ),
        ("x: " + "[" * 500 + "]" * 500, "settings.yaml:1: "),
    ],
)
def test_a_bad_file_is_refused_with_its_line(folder: Path, text: str, said: str) -> None:
    (folder / "settings.yaml").write_text(text)
    assert said in refused({}, folder)


def test_every_fault_is_told_at_once(folder: Path) -> None:
    (folder / "settings.yaml").write_text("http:\n  port: -1\ndatabase:\n  pool_max: 0\n")
    told = refused({"COFFER_IDENTITY__BCRYPT_COST": "99"}, folder).splitlines()
    assert [line.rpartition("/")[2].split(" should")[0] for line in told] == [
        "settings.yaml:2: http.port:",
        "environment COFFER_IDENTITY__BCRYPT_COST: identity.bcrypt_cost:",
        "settings.yaml:4: database.pool_max:",
    ]


def test_a_file_that_is_not_text_is_refused(folder: Path) -> None:
    (folder / "settings.yaml").write_bytes(b"\xff\xfe\x00")
    assert "settings.yaml:1: not UTF-8" in refused({}, folder)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("COFFER_DATABASE_ULR", "x", "unknown variable; did you mean COFFER_DATABASE_URL?"),
        ("COFFER_HTTP__PROT", "1", "http.prot: unknown key; did you mean port?"),
        ("COFFER_HTTP_PORT", "eighty", "http.port: should be a valid integer"),
        ("COFFER_PROFILE", "prod", "should be one of dev, test, production, not 'prod'"),
        ("COFFER_FAILPOINTS", "before_commit=kill", "failpoints exist in the test profile alone"),
        ("COFFER_CONFIG_DIR", "/does/not/exist", "/does/not/exist is no directory"),
        ("COFFER_DATABASE_URL", "mysql://u:hidden-word@h/db", "starts with none of postgresql://, postgres://"),
        ("COFFER_BROKER_URL", "amqp://u:hidden-word@h:99999", "no address with a port from 1 to 65535"),
        ("COFFER_REDIS_URL", "redis://:hidden-word@", "names no host"),
    ],
)
def test_a_bad_variable_is_refused_by_its_name_and_its_value_stays_unsaid_where_it_may_be_secret(
    variable: str, value: str, said: str
) -> None:
    told = refused({variable: value})
    assert told.startswith(f"environment {variable}: ")
    assert said in told
    assert "hidden-word" not in told


def test_variables_that_kubernetes_makes_for_a_service_called_coffer_are_not_ours() -> None:
    made = {"COFFER_SERVICE_HOST": "10.0.0.1", "COFFER_PORT": "tcp://10.0.0.1:80", "COFFER_EDGE_PORT_80_TCP_ADDR": "10.0.0.1"}
    assert load_settings(made).http.port == 8080


def test_settings_can_be_printed_without_telling_a_secret() -> None:
    told = repr(load_settings(GOOD_PRODUCTION))
    assert not [secret for secret in ("h7Kq", "x9fK", "m5Yc", "b0f7") if secret in told]


def test_each_role_speaks_to_the_broker_as_its_own_user_where_it_has_a_password() -> None:
    broker = load_settings(GOOD_PRODUCTION).broker
    assert broker.url_for("edge") == "amqp://coffer_edge:x9fK-27sd-Qm4w@broker:5672/coffer"
    assert (broker.user_for("actors"), broker.user_for("topology")) == ("coffer_actors", "coffer_topology")


@settings(deadline=None)
@given(st.text(min_size=1))
def test_any_text_gives_settings_or_lines_at_fault(text: str) -> None:
    problems: tuple[str, ...] = ()
    with TemporaryDirectory() as name:
        (Path(name) / "settings.yaml").write_text(text, encoding="utf-8", errors="replace")
        try:
            load_settings({}, Path(name))
        except ConfigError as wrong:
            problems = wrong.problems
    assert all("settings.yaml:" in problem for problem in problems)
