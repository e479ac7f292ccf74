"""Conversations with small checkpoints of kinds that transformers knows itself."""

from contextlib import closing

import transformers
from model_folders import make_scripted
from native_folders import CHATML, native_folder
from opened import open_backends

from arena.generation_config import GenerationConfig
from arena.types import Message
from backends.families.native import NativeChat
from backends.models.resolve import resolve


def talk(texts):
    roles = ("user", "assistant")
    return [Message(roles[number % 2], text) for number, text in enumerate(texts)]


def theirs(folder, messages):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    turns = [{"role": message.role, "content": message.content} for message in messages]
    return tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False), tokenizer


def says(tmp_path, pieces, template=CHATML, kind="Qwen2", **settings):
    """A backend of a folder that says `pieces` (each one token) after its prompt, whatever is asked."""
    folder = native_folder(tmp_path / "says", kind=kind, template=template)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    chat = NativeChat(folder)
    ids = [tokenizer.encode(piece, add_special_tokens=False) for piece in pieces]
    chain = [chat.prompt_ids(talk(["x"]))[-1], *(token for piece in ids for token in piece)]
    make_scripted(folder, "native", chain)
    (backend,) = open_backends([resolve(str(folder))])
    config = GenerationConfig(**{"max_new_tokens": 60, "temperature": 0, **settings})
    return closing(backend), config
