"""A conversation with two models as a file to download: Markdown, or the format of recorded answers."""

import json
from collections.abc import Mapping, Sequence

from arena.recorded import Recorded, to_line
from arena.types import Answer, Battle, ModelSpec, Side, SideName


def as_markdown(battles: Sequence[Battle]) -> str:
    """The conversation for people: each prompt with both answers, without reasoning; "" for none."""
    if not battles:
        return ""
    models = [battles[-1].side(name).model for name in SideName]
    parts = ["# " + " × ".join(model.name for model in models)]
    parts.append("\n".join(f"- {model.name}: {_identity(model)}" for model in models if model.runtime))
    for battle in battles:
        parts += [f"## {battle.turn}", "\n".join(f"> {line}" for line in battle.prompt.splitlines())]
        for name in SideName:
            answer = battle.side(name).answer
            ending = "" if answer.finish_reason == "stop" else f"({answer.finish_reason})"
            parts += [f"### {battle.side(name).model.name}", answer.text.strip(), ending]
    return "\n\n".join(filter(None, parts)) + "\n"


def as_json_lines(battles: Sequence[Battle]) -> str:
    """The conversation for programs: a line for each answer, which `arena.answers` reads as one conversation."""
    entries = [
        Recorded(battles[0].prompt_id or battles[0].id, battle.prompt, battle.side(name), turn=battle.turn)
        for battle in battles
        for name in SideName
    ]
    return "".join(json.dumps(to_line(entry), ensure_ascii=False) + "\n" for entry in entries)


def without_models(battle: Battle, names: Mapping[SideName, str]) -> Battle:
    """The battle without anything that reveals its models, which are called by `names`."""
    for name, title in names.items():
        side = battle.side(name)
        model = ModelSpec(id=name, name=title, family="", source="", runtime="", precision="", context_length=0)
        messages = tuple(message for message in side.messages if message.role != "system")
        # The panes say the same of both answers: that they are done.
        answer = Answer(side.answer.text, finish_reason="stop")
        battle = battle.with_side(name, Side(model, messages, None, answer))
    return battle


def _identity(model: ModelSpec) -> str:
    return ", ".join(filter(None, (model.id, model.precision, model.revision, model.licence)))
