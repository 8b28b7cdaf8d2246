"""The pools' file: what it may say, and that a faulty edit changes nothing."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.pools import Mailbox, load_pools


def refused(text: str, folder: Path) -> str:
    (folder / "pools.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_pools(folder)
    return str(caught.value)


def test_the_shipped_pools_run_every_actor_of_the_first_day() -> None:
    pools = load_pools()
    assert {"ledger", "member", "identity", "operations", "ingress"} <= set(pools)
    assert (pools["ledger"].mailbox, pools["ledger"].served, pools["ledger"].batch) == (Mailbox.STREAM, (0,), 256)
    assert pools["member"].served == tuple(range(16))
    assert pools["identity"].served == ()
    assert pools["member"].actor_name == "member"


def test_an_edit_changes_one_key_of_one_pool(tmp_path: Path) -> None:
    (tmp_path / "pools.yaml").write_text("pools:\n  ledger:\n    prefetch: 1024\n")
    pools = load_pools(tmp_path)
    assert (pools["ledger"].prefetch, pools["ledger"].batch, pools["member"]) == (1024, 256, load_pools()["member"])


def test_a_change_while_it_runs_obeys_the_same_limits() -> None:
    ledger = load_pools()["ledger"]
    assert ledger.with_changes({"prefetch": 600, "batch": 600}).batch == 600
    for changes, said in (
        ({"batch": 600}, "batch 600 can never fill with prefetch 512; raise prefetch or lower batch"),
        ({"prefetch": 0}, "prefetch: Input should be greater than or equal to 1"),
        ({"prefetc": 1}, "prefetc: Extra inputs are not permitted"),
    ):
        with pytest.raises(ConfigError) as caught:
            ledger.with_changes(changes)
        assert str(caught.value) == said


def test_the_environment_has_the_last_word() -> None:
    assert load_pools(None, {"COFFER_POOLS__MEMBER__PARTITIONS": "0-3,8"})["member"].served == (0, 1, 2, 3, 8)


def test_a_second_pool_may_serve_the_other_half_of_an_actor(tmp_path: Path) -> None:
    (tmp_path / "pools.yaml").write_text(
        "pools:\n  member: {partitions: 0-7}\n  member-b: {actor: actors.member, mailbox: keyed, partitions: [8, 9, 10-15]}\n"
    )
    pools = load_pools(tmp_path)
    assert sorted(pools["member"].served + pools["member-b"].served) == list(range(16))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pools:\n  member:\n    replcas: 2\n", "pools.yaml:3: pools.member.replcas: unknown key; did you mean replicas?"),
        (
            "pools:\n  member:\n    replicas: 65\n",
            "pools.yaml:3: pools.member.replicas: should be less than or equal to 64, not '65'",
        ),
        ("pools:\n  member:\n    queries:\n      prefetch: 0\n", "pools.yaml:4: pools.member.queries.prefetch: should be"),
        ("pools:\n  member:\n    partitions: 4-2\n", "pools.yaml:3: pools.member.partitions: partitions run from 0 to 15"),
        ("pools:\n  member:\n    partitions: 0-16\n", "pools.yaml:3: pools.member.partitions: partitions run from 0 to 15"),
        ("pools:\n  member:\n    partitions: some\n", "pools.yaml:3: pools.member.partitions: write partitions as"),
        ("pools:\n  ledger:\n    partitions: 0-1\n", "pools.yaml:2: pools.ledger: a stream mailbox has 1 partitions"),
        ("pools:\n  ledger:\n    batch: 600\n", "pools.yaml:2: pools.ledger: batch 600 can never fill with prefetch 512"),
        ("pools:\n  new:\n    mailbox: keyed\n", "pools.yaml:2: pools.new.actor: is required"),
        ("pools:\n  new: {actor: os.system, mailbox: keyed}\n", "pools.yaml:2: pools.new.actor: "),
        ("pools:\n  b: {actor: actors.member, mailbox: stream}\n", "pools.yaml:1: pools: b and member run actors.member with"),
        (
            "pools:\n  member: {mailbox: round}\n",
            "pools.yaml:2: pools.member.mailbox: should be 'keyed', 'stream' or 'competing'",
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(text, tmp_path)
