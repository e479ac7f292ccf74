"""The named endpoints, called as a script would: by gradio_client."""

from __future__ import annotations

import csv
import itertools
import json
import re
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from served_app import ROOT, ServedApp

from arena.results.compute import compute
from arena.results.figures import Figures, as_json
from arena.results.selection import Filters
from arena.votes.store import Votes, VoteStore
from ui.gradio.middleware import HEADERS

ENDPOINTS = ["/battle", "/chat", "/export", "/results", "/vote"]


@pytest.fixture
def client(scripted_app: ServedApp) -> Client:
    return Client(scripted_app.url, verbose=False)


def ask(client: Client, prompt: str) -> dict[str, str]:
    return client.predict(prompt, api_name="/chat")


def vote(client: Client, battle_id: str, winner: str = "model_a", comment: str = "") -> dict[str, str]:
    return client.predict(battle_id, winner, {}, comment, api_name="/vote")


def test_exactly_these_endpoints_are_public(client: Client) -> None:
    assert sorted(client.view_api(return_format="dict")["named_endpoints"]) == ENDPOINTS
    assert client.view_api(return_format="dict")["unnamed_endpoints"] == {}


def test_chat_streams_both_sides(client: Client) -> None:
    states = list(client.submit("你好", api_name="/chat"))
    assert len(states) > 1
    for side in ("a", "b"):
        texts = [state[side] for state in states]
        assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))
        assert texts[-1] == "好的，" * 10 + "done."
        assert (states[0][f"finish_reason_{side}"], states[-1][f"finish_reason_{side}"]) == (None, "stop")
        assert states[-1][f"tokens_{side}"] == 11 and states[-1][f"seconds_{side}"] > 0
    kinds = {f"{kind}_{side}" for kind in ("thinking", "status", "seconds", "tokens", "finish_reason") for side in "ab"}
    assert set(states[-1]) == {"a", "b", "battle_id", "seed", *kinds}
    assert re.fullmatch("[0-9a-f]{32}", states[-1]["battle_id"])


def test_settings_seed_and_system_prompt_reach_both_models(scripted_app: ServedApp, client: Client) -> None:
    arguments = {"settings": {"temperature": 0, "max_new_tokens": 9}, "seed": 7, "system": "Be brief."}
    assert client.predict("set up", **arguments, api_name="/chat")["seed"] == 7
    for side in "ab":
        messages, config = scripted_app.asked(side)[-1]
        assert [(message.role, message.content) for message in messages] == [
            ("system", "Be brief."),
            ("user", "set up"),
        ]
        assert (config.temperature, config.max_new_tokens, config.seed, config.top_p) == (0, 9, 7, 0.9)
    drawn = ask(client, "set up")["seed"]
    assert drawn == scripted_app.asked("a")[-1][1].seed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"settings": {"temp": 1}}, "There is no setting temp. Known: max_new_tokens, temperature"),
        ({"settings": {"temperature": "hot"}}, "temperature must be between 0 and 5"),
        ({"settings": {"temperature": 9}}, "temperature must be between 0 and 5"),
        ({"settings": [1]}, 'such as {"temperature": 0.7}'),
        ({"seed": -1}, "seed must be between 0 and 4294967294"),
        ({"prompt": 5}, "prompt is empty"),
    ],
)
def test_settings_that_cannot_be_are_errors(client: Client, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(AppError, match=re.escape(words)):
        client.predict(**{"prompt": "hi", **arguments}, api_name="/chat")


def test_the_models_may_be_named(scripted_app: ServedApp, client: Client) -> None:
    battle_id = client.predict("hello", a="script-b", b="script-a", api_name="/chat")["battle_id"]
    vote(client, battle_id)
    row = next(row for row in scripted_app.rows() if row["question_id"] == battle_id)
    assert (row["model_a"], row["model_b"]) == ("script-b", "script-a")
    with pytest.raises(AppError, match="'gpt-9' is not offered here: script-a, script-b"):
        client.predict("hello", b="gpt-9", api_name="/chat")


@pytest.mark.parametrize("prompt", ["", " ", "\n\n", "\u3000", "\u200b", "\t"])
def test_a_blank_prompt_reaches_no_model(scripted_app: ServedApp, client: Client, prompt: str) -> None:
    before = len(scripted_app.asked("a"))
    with pytest.raises(AppError, match=r"empty|空"):
        ask(client, prompt)
    assert len(scripted_app.asked("a")) == before


def test_one_failing_side_does_not_hold_the_other(client: Client) -> None:
    answer = ask(client, "boom")
    assert answer["a"].endswith("done.")
    assert answer["b"] == "Well" * 5
    assert "out of memory" in answer["status_b"]


def test_a_vote_is_a_row_and_a_receipt(scripted_app: ServedApp, client: Client) -> None:
    battle_id = ask(client, "judge me")["battle_id"]
    receipt = client.predict(battle_id, "tie (bothbad)", {"correct": "a", "clear": "tie"}, "=1+2, 好", api_name="/vote")
    row = next(row for row in scripted_app.rows() if row["question_id"] == battle_id)
    assert row["vote_id"] == receipt["vote_id"]
    assert row["winner"] == "tie (bothbad)"
    assert (row["model_a"], row["model_b"]) == ("script-a", "script-b")
    assert row["comment"] == "=1+2, 好"
    assert json.loads(row["criteria"]) == {"correct": "a", "clear": "tie"}
    assert row["prompt"] == "judge me"
    assert row["finish_a"] == row["finish_b"] == "stop"


@pytest.mark.parametrize("prompt", ["boom", "empty"])
def test_no_vote_on_a_failed_or_empty_battle(scripted_app: ServedApp, client: Client, prompt: str) -> None:
    battle_id = ask(client, prompt)["battle_id"]
    with pytest.raises(AppError, match=r"finish without an error"):
        vote(client, battle_id)
    assert battle_id not in {row["question_id"] for row in scripted_app.rows()}


def test_no_vote_while_it_is_running(scripted_app: ServedApp, client: Client, eventually: Callable[..., bool]) -> None:
    job = client.submit("slow", api_name="/chat")
    assert eventually(job.outputs)
    battle_id = job.outputs()[0]["battle_id"]
    with pytest.raises(AppError, match="still running"):
        vote(Client(scripted_app.url, verbose=False), battle_id)
    job.cancel()


@pytest.mark.parametrize("battle_id", ["", "no such battle", "0" * 32])
def test_no_vote_on_an_unknown_battle(client: Client, battle_id: str) -> None:
    with pytest.raises(AppError, match="no such battle"):
        vote(client, battle_id)


def test_no_vote_for_an_unknown_winner(client: Client) -> None:
    allowed = re.escape("Winner must be model_a, model_b, tie or tie (bothbad)")
    with pytest.raises(AppError, match=allowed):
        client.predict(ask(client, "hello")["battle_id"], "model_c", api_name="/vote")


def test_a_vote_needs_no_criteria_and_no_comment(scripted_app: ServedApp, client: Client) -> None:
    battle_id = ask(client, "plain")["battle_id"]
    assert client.predict(battle_id, "tie", api_name="/vote")["winner"] == "tie"
    row = next(row for row in scripted_app.rows() if row["question_id"] == battle_id)
    assert (row["criteria"], row["comment"]) == ("", "")


def test_ten_votes_at_once_are_one_row(scripted_app: ServedApp, client: Client) -> None:
    battle_id = ask(client, "once")["battle_id"]

    def attempt(_: int) -> bool:
        try:
            vote(client, battle_id)
        except AppError:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(attempt, range(10))) == 1
    assert [row["question_id"] for row in scripted_app.rows()].count(battle_id) == 1


def call_raw(app: ServedApp, name: str, *arguments: object) -> dict[str, str]:
    """Calls an endpoint with JSON that gradio_client refuses to send, such as half an emoji."""
    body = json.dumps({"data": arguments}).encode()
    request = urllib.request.Request(f"{app.url}gradio_api/call/{name}", body, {"Content-Type": "application/json"})
    event = json.load(urllib.request.urlopen(request))["event_id"]
    with urllib.request.urlopen(f"{app.url}gradio_api/call/{name}/{event}") as stream:
        lines = stream.read().decode().splitlines()
    assert "event: complete" in lines, lines
    sent = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    return next(data[0] for data in reversed(sent) if data and data[0])


def test_half_an_emoji_does_not_stop_a_vote(scripted_app: ServedApp, client: Client) -> None:
    battle_id = call_raw(scripted_app, "chat", "好\ud800", {}, None, "", "", "")["battle_id"]
    call_raw(scripted_app, "vote", battle_id, "tie", {}, "\ud83d")
    row = next(row for row in scripted_app.rows() if row["question_id"] == battle_id)
    assert (row["prompt"], row["comment"]) == ("好\ufffd", "\ufffd")
    assert vote(client, ask(client, "and on")["battle_id"])


def test_answers_are_logged_byte_for_byte(scripted_app: ServedApp, client: Client) -> None:
    battle_id = ask(client, "code")["battle_id"]
    vote(client, battle_id)
    row = next(row for row in scripted_app.rows() if row["question_id"] == battle_id)
    assert row["response_a"] == "    if x:\n\ty  \n\n"


def test_results_count_what_was_voted(scripted_app: ServedApp, client: Client) -> None:
    def standing() -> tuple[int, int]:
        output = client.predict(api_name="/results")
        wins = {model["model"]: model["wins"] for model in output["models"]}
        return output["votes"], wins.get("script-b", 0)

    def blind() -> int:
        return int(client.predict(blind=True, api_name="/results")["votes"])

    # Other tests vote in this app too, blind as well.
    (votes, wins), earlier = standing(), blind()
    vote(client, ask(client, "count me")["battle_id"], "model_b")
    assert standing() == (votes + 1, wins + 1)
    assert blind() == earlier < votes + 1
    output = client.predict(api_name="/results")
    # The same as the command prints.
    assert output == as_json(compute(VoteStore(scripted_app.data_dir).refresh()))
    names = sorted(model["model"] for model in output["models"])
    assert client.predict(models=names, api_name="/results")["votes"] == output["votes"]
    with pytest.raises(AppError, match="No vote has the language Dutch"):
        client.predict(language="Dutch", api_name="/results")
    low, high = output["models"][0]["interval"]
    assert 0 <= low <= output["models"][0]["win_rate"] <= high <= 1


@pytest.mark.parametrize(
    "filters", [{"language": "Dutch"}, {"models": ["nobody"]}, {"dimension": "x"}, {"category": "x"}]
)
def test_results_for_names_that_somebody_makes_up_are_not_computed(
    client: Client, monkeypatch: pytest.MonkeyPatch, filters: dict[str, object]
) -> None:
    computed: list[Filters] = []

    def noted(votes: Votes, wanted: Filters, *more: object) -> Figures:
        computed.append(wanted)
        return compute(votes, wanted, *more)

    monkeypatch.setattr("arena.results.service.compute", noted)
    with pytest.raises(AppError, match="No vote has the"):
        client.predict(**filters, api_name="/results")
    assert set(computed) <= {Filters()}


def test_export_is_current_when_it_is_asked_for(scripted_app: ServedApp, client: Client) -> None:
    for _ in range(2):
        battle_id = ask(client, "export me")["battle_id"]
        vote(client, battle_id)
        path = Path(client.predict(api_name="/export"))
        data = path.read_bytes()
        assert data.startswith(b"\xef\xbb\xbf") and data.count(b"\xef\xbb\xbf") == 1
        with path.open(encoding="utf-8-sig", newline="") as file:
            assert [row["question_id"] for row in csv.DictReader(file)][-1] == battle_id
        assert path.name == "votes.csv"


def test_sessions_do_not_see_each_other(scripted_app: ServedApp) -> None:
    def talk(number: int) -> None:
        ask(Client(scripted_app.url, verbose=False), f"secret ZX-{number}")

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(talk, range(5)))
    for side in ("a", "b"):
        for messages, _ in scripted_app.asked(side):
            assert sum("secret ZX-" in message.content for message in messages) <= 1


def test_a_cancelled_call_stops_the_models(
    scripted_app: ServedApp, client: Client, eventually: Callable[..., bool]
) -> None:
    job = client.submit("slow", api_name="/chat")
    assert eventually(job.outputs)
    job.cancel()
    scripted_app.wait_until_idle()


@pytest.mark.parametrize("name", ["votes.csv", "judge.key"])
def test_no_file_of_the_data_folder_is_served(scripted_app: ServedApp, client: Client, name: str) -> None:
    vote(client, ask(client, "keep out")["battle_id"])
    for path in (scripted_app.data_dir / name, Path(__file__).parents[2] / "app.py", Path("/etc/passwd")):
        for tried in (str(path), f"{scripted_app.data_dir}/../{path.parent.name}/{name}"):
            request = urllib.request.Request(f"{scripted_app.url}gradio_api/file={tried}")
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request)
            assert refused.value.code in (403, 404)


def test_threads_do_not_pile_up(client: Client, eventually: Callable[..., bool]) -> None:
    ask(client, "warm up")
    before = threading.active_count()
    for _ in range(5):
        ask(client, "boom")
    assert eventually(lambda: threading.active_count() <= before + 2)


@pytest.mark.parametrize("path", ["", "config", "gradio_api/file=/etc/passwd", "gradio_api/queue/data?session_hash=x"])
def test_every_answer_carries_the_security_headers(scripted_app: ServedApp, path: str) -> None:
    with httpx.stream("GET", scripted_app.url + path, timeout=10, trust_env=False) as answer:
        for name, expected in HEADERS.items():
            assert answer.headers.get_list(name) == [expected]


def test_no_file_of_the_host_is_served(scripted_app: ServedApp) -> None:
    secret = scripted_app.data_dir / "judge.key"
    assert secret.exists()
    for path in (secret, scripted_app.data_dir / "votes.csv", ROOT / "app.py", Path("/etc/passwd")):
        for written in (str(path), f"{ROOT}/ui/assets/../../{path.name}", f"..{path}"):
            address = f"{scripted_app.url}gradio_api/file={written}"
            assert httpx.get(address, timeout=10, trust_env=False).status_code in (403, 404)
