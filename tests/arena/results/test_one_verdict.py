"""Page, command, API and report give the same verdict on 300 simulated classes."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from served_app import ROOT
from sim_logs import HASTY, KINDS, sim_log, write_log

from arena.report.blocks import Bullets
from arena.report.facts import Details
from arena.report.gather import gather, read_sources
from arena.report.sections import make_document
from arena.results.figures import as_json
from arena.results.plots import color_of
from arena.results.selection import Filters
from arena.results.sentences import advice, first_sentences
from arena.results.service import ResultsService
from arena.results.verdict import PairVerdict
from arena.statistics.decision import Outcome
from arena.translations import percent
from arena.votes.store import VoteStore
from commands import results as command
from ui.access import Access
from ui.api import Api
from ui.results.view import lines, picture, verdict_html
from ui.texts import text

CLASSES = 30  # of each kind


def page(folder: Path, lang: str) -> tuple[str, list[str]]:
    """The picture at the top of the Results tab, as HTML, and the sentences of its details, as a reader sees them."""
    figures = ResultsService(VoteStore(folder)).figures()
    words = verdict_html(lang, figures).replace("</p>", "\n")
    return picture(lang, figures), html.unescape(re.sub("<[^>]*>", "", words)).splitlines()


def check_picture(lang: str, shown: str, verdict: PairVerdict, said: list[str]) -> None:
    """The headline, the bar and the shares beside it say what the verdict and the sentences say."""
    head = re.findall("<h2>(.*?)</h2>", shown)
    models = verdict.first, verdict.second
    key = "fragile" if verdict.numbers.is_fragile else str(verdict.outcome)
    if any("no preference could be called" in line or "不能说它更受喜欢" in line for line in said):
        key = "swayed"
    elif verdict.numbers.share is None:
        key = "nobody_done"
    elif verdict.outcome is Outcome.NOT_YET and verdict.numbers.share == 0.5:
        key = "even"
    names = {"first": models[0], "second": models[1], "model": verdict.preferred or ""}
    assert head == [text(lang, f"head_{key}", **names)]
    share = verdict.numbers.share
    if share is None:
        assert "track" not in shown
        return
    low, high = verdict.numbers.interval.low, verdict.numbers.interval.high
    left = sorted(models, key=lambda model: color_of(model, models))[0]
    if left != verdict.first:
        share, low, high = 1 - share, 1 - high, 1 - low
    styles = dict(re.findall('<i class="(a|interval|at)" style="(.*?)"', shown))
    assert styles == {
        "a": f"width:{share:.1%}",
        "interval": f"left:{low:.1%};width:{high - low:.1%}",
        "at": f"left:{share:.1%}",
    }
    ends = {"share": f"{percent(share)}%", "low": f"{percent(low)}%", "high": f"{percent(high)}%"}
    label = text(lang, "picture_bar", model=left, **ends)
    assert f'aria-label="{label}"' in shown


def api(folder: Path) -> dict[str, Any]:
    services: Any = SimpleNamespace(
        results=ResultsService(VoteStore(folder)), access=Access(judge=str), site=SimpleNamespace(lang="")
    )
    request: Any = SimpleNamespace(headers={}, client=None)
    return json.loads(json.dumps(Api(services).results(request), allow_nan=False))


def command_figures(files: list[Path], folder: Path) -> Any:
    return command._figures([str(file) for file in files], Filters(), ROOT / "prompts.json", folder)


def report_sentences(files: list[Path], folder: Path, lang: str) -> list[str]:
    facts = gather(read_sources(folder, None, files))
    document = make_document(lang, facts, Details(), "en")
    return [item for block in document.blocks if isinstance(block, Bullets) for item in block.items]


def hosts(tmp_path: Path, kind: str, seed: int) -> tuple[list[Path], Path]:
    """The log as files of two hosts, and as one data folder. Overlapping logs share a third of their votes."""
    votes = sim_log(kind, seed)
    third = len(votes) // 3
    entry, two = (votes[: 2 * third], votes[third:]) if kind == "overlapping" else (votes[:third], votes[third:])
    files = [write_log(tmp_path / f"{seed}/one/votes.csv", entry), write_log(tmp_path / f"{seed}/two/votes.csv", two)]
    data = tmp_path / f"{seed}/data"
    write_log(data / "votes.csv", entry)
    write_log(data / "votes-2.csv", two)
    return files, data


@pytest.mark.parametrize("kind", KINDS)
def test_page_command_api_and_report_say_the_same(tmp_path: Path, kind: str) -> None:
    result = set()
    for seed in range(CLASSES):
        files, data = hosts(tmp_path, kind, seed)
        figures = command_figures(files, data)
        verdict = figures.pairs[0].verdict
        result.add(verdict.outcome)
        # An overlap counts once.
        assert figures.votes + sum(item.votes for item in figures.excluded) == len(sim_log(kind, seed))
        assert sum(item.raters for item in figures.excluded) == (HASTY if kind == "hasty" else 0)
        assert as_json(figures)["verdict"] == api(data)["verdict"]
        lang = ("zh", "en")[seed % 2]
        said = first_sentences(lang, figures)
        picture_html, shown = page(data, lang)
        assert list(lines(lang, figures))[: len(said)] == said == shown
        check_picture(lang, picture_html, verdict, said)
        report, advised = report_sentences(files, data, lang), list(advice(lang, verdict))
        # The report says it in the summary and in the conclusion, without advice to raters.
        sentence, *others = said[: len(said) - len(advised)]
        assert said == [sentence, *others, *advised] and all(report.count(line) == 2 for line in others)
        assert len([line for line in report if line and sentence.startswith(line)]) == 2
        assert (verdict.preferred is None) == (verdict.outcome is not Outcome.PREFERRED)
    assert result <= EXPECTED.get(kind, set(Outcome))


EXPECTED = {
    "drifting": {Outcome.NOT_YET, Outcome.RATERS_CHANGED},
    "equal": {Outcome.NOT_YET, Outcome.ALIKE, Outcome.RATERS_CHANGED},
    "tied": {Outcome.NOT_YET, Outcome.ALIKE},
}
"""What may come of a kind; equal models are called by none of these few classes."""
