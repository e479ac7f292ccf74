"""Simulated attacks on a small scale: what they may do to the verdict, and what they would do without the defence."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

import arena.judging.crowds
import arena.results.exclusions
import arena.results.verdict
import arena.statistics.decision
import bench.attacks
from app import cli
from bench.attacks import NO_ATTACK, Attack, measure_attacks

OTHER = "other preferred 60/40"
HONEST = 60


@pytest.fixture
def attacked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the row of an attack on HONEST raters, of whom 75% prefer the other model, or none either model."""
    monkeypatch.setattr(bench.attacks, "HONEST", HONEST)

    def measure(attack: Attack, share: float = 0.75, runs: int = 1) -> dict[str, Any]:
        monkeypatch.setattr(bench.attacks, "TRUTHS", {"truth": share})
        rows = measure_attacks(runs, lambda words: None, [attack])["attacks"]
        assert [row["attack"] for row in rows] == [NO_ATTACK, attack.name]
        assert rows[0]["raters"] + rows[0]["too_fast"] == bench.attacks.HONEST
        return rows[1]

    return measure


def test_an_army_from_one_address_counts_as_five_raters(attacked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    army = Attack("army", browsers=HONEST, ids=HONEST, addresses=1)
    row = attacked(army)
    assert row["tried"] == row["accepted"] == 9 * HONEST  # eight prompts, one of them twice
    assert (row["raters"], row["one_address"], row["flipped_share"]) == (5, HONEST - 5, 0)
    monkeypatch.setattr(arena.judging.crowds, "ADDRESS_RATERS", HONEST)
    row = attacked(army, share=0.6)
    assert (row["raters"], row["one_address"], row["flipped_share"]) == (HONEST, 0, 1)


def test_raters_faster_than_reading_are_excluded(attacked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Attack("script", browsers=HONEST, ids=HONEST, addresses=HONEST, seconds=0.2)
    row = attacked(script)
    assert (row["accepted"], row["raters"], row["too_fast"], row["flipped_share"]) == (9 * HONEST, 0, HONEST, 0)
    monkeypatch.setattr(arena.results.exclusions, "LEAST_TOO_FAST", 1.1)
    assert attacked(script, share=0.6)["flipped_share"] == 1


def test_a_copied_session_is_one_rater(attacked: Any) -> None:
    row = attacked(Attack("copied", browsers=30, ids=1, addresses=30))
    assert (row["accepted"], row["raters"], row["lost_share"]) == (9, 1, 0) and row["tried"] > 30


def test_requests_sent_again_count_once(attacked: Any) -> None:
    row = attacked(Attack("replayed", browsers=1, ids=1, addresses=1, sends=20))
    assert (row["tried"], row["accepted"], row["raters"], row["lost_share"]) == (180, 9, 1, 0)


def test_raters_who_always_choose_the_left_flip_no_verdict(attacked: Any) -> None:
    left = Attack("left", browsers=HONEST // 3, ids=HONEST // 3, addresses=HONEST // 3, left=True)
    for share in (0.5, 0.75):
        row = attacked(left, share)
        assert (row["raters"], row["flipped_share"]) == (HONEST // 3, 0)


def test_a_tenth_who_know_the_style_flip_no_verdict(attacked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    few = HONEST // 9
    fans = Attack("style", browsers=few, ids=few, addresses=few)
    assert attacked(fans)["flipped_share"] == 0
    monkeypatch.setattr(bench.attacks, "HONEST", 200)
    fans = Attack("style", browsers=22, ids=22, addresses=22)
    row = attacked(fans, share=0.5, runs=2)
    assert (row["raters"], row["flipped_share"]) == (22, 0)
    monkeypatch.setattr(arena.statistics.decision, "few_raters", lambda raters: 0)
    arena.results.verdict._verdict_on.cache_clear()
    assert attacked(fans, share=0.5, runs=2)["flipped_share"] > 0


def test_hardly_any_honest_rater_is_excluded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.attacks, "TRUTHS", {OTHER: 0.6})
    (row,) = measure_attacks(1, lambda words: None, [])["attacks"]
    assert row["attack"] == NO_ATTACK and row["raters"] >= 0.97 * bench.attacks.HONEST


def test_the_command_prints_a_row_for_each_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.attacks, "HONEST", 6)
    monkeypatch.setattr(bench.attacks, "ATTACKS", [Attack("army", browsers=3, ids=3, addresses=1)])
    result = CliRunner().invoke(cli, ["bench", "attack", "--runs", "1"])
    assert result.exit_code == 0, result.output
    assert result.output.count("army") == 2 and "1 of 1 runs" in result.output
