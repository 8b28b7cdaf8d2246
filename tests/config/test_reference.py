"""The list of settings is the models' own, and says what each is for."""

from config.pools import PoolSettings
from config.reference import REFERENCE, reference
from config.sections import Settings
from config.systems import SystemSettings


def test_the_reference_is_current() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference(), "run `python -m config.reference`"


def test_every_setting_says_what_it_is_for() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > len(PoolSettings.model_fields) + len(Settings.model_fields) + len(SystemSettings.model_fields)
    assert not [row for row in rows if row.endswith("|  |")]
