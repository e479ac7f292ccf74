"""Recorded battles through the named endpoints, as a script judges them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from served_app import ServedApp

SCRIPT = {"answers": [{"match": "", "steps": [{"text": "done."}]}]}


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """Eight recorded pairs: enough for one to come again."""
    answers = [
        {
            "prompt_id": f"q{n}",
            "prompt": f"Question {n}",
            "model": model,
            "response": f"{words} {n}",
            "seconds": seconds,
        }
        for n in range(8)
        for model, words, seconds in (("Alpha-7B", "I am Qwen:", 171.25), ("Beta-6B", "Another answer", 454))
    ]
    return serve(SCRIPT, SCRIPT, answers=answers, admin_token="a token for tests")


@pytest.fixture
def client(app: ServedApp) -> Client:
    return Client(app.url, verbose=False)


def vote(client: Client, battle_id: str) -> dict[str, str]:
    return client.predict(battle_id, "model_a", {"clear": "b"}, "", api_name="/vote")


def test_a_session_walks_through_the_set_and_learns_no_name_before_its_vote(app: ServedApp, client: Client) -> None:
    before, seen = len(app.rows()), []
    while (state := client.predict(api_name="/battle"))["battle_id"]:
        assert set(state) == {"battle_id", "prompt", "a", "b", "done", "total"}
        assert not any(word in json.dumps(state) for word in ("Alpha", "Beta", "171.2", "seconds"))
        assert client.predict(api_name="/battle") == state
        assert (state["done"], state["total"]) == (len(seen), 9)
        assert "Alpha-7B" in vote(client, state["battle_id"])["text"]
        seen.append(state)
    assert state == {"battle_id": "", "prompt": "", "a": "", "b": "", "done": 9, "total": 9}
    rows = app.rows()[before:]
    assert [row["question_id"] for row in rows] == [state["battle_id"] for state in seen]
    assert len({row["judge"] for row in rows}) == 1 and all(row["leaked"] == "True" for row in rows)
    (again,) = [row for row in rows if row["repeat_of"]]
    (first,) = [row for row in rows if row["question_id"] == again["repeat_of"]]
    assert (again["response_a"], again["response_b"]) == (first["response_b"], first["response_a"])


def test_a_battle_is_judged_by_its_own_session_and_once(app: ServedApp, client: Client) -> None:
    battle_id = client.predict(api_name="/battle")["battle_id"]
    with pytest.raises(AppError, match="no such battle"):
        vote(Client(app.url, verbose=False), battle_id)
    before = len(app.rows())

    def attempt(_: int) -> bool:
        try:
            return bool(vote(client, battle_id))
        except AppError as error:
            assert "already voted" in str(error)
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1
    assert len(app.rows()) == before + 1


@pytest.mark.parametrize("endpoint", ["/battle", "/results"])
def test_a_wrong_room_is_an_error(app: ServedApp, endpoint: str) -> None:
    token = "a token for tests"
    client = Client(app.url, verbose=False, headers={"X-Arena-Admin-Token": token})
    with pytest.raises(AppError, match="There is no room NOSUCH"):
        client.predict(room="no such", api_name=endpoint)
    code = app.services.rooms.open(["q1"], 1).code
    assert client.predict(room=code.lower(), api_name=endpoint)


def test_without_recorded_answers_there_is_no_battle(scripted_app: ServedApp) -> None:
    with pytest.raises(AppError, match="no recorded answers"):
        Client(scripted_app.url, verbose=False).predict(api_name="/battle")
