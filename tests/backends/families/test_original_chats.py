"""Tokenizers, prompts and growing replies of the two originals against what their own code makes of them."""

import base64
import json
import random
import unicodedata
from itertools import accumulate

import pytest
import tokenizers
from model_folders import ORACLES, TINY, expected, needs_oracles

from arena.types import Message
from backends.families.chatglm import PIECES, PREFIX, ROLES, ChatGLMChat
from backends.families.qwen import PATTERN, RANKS, QwenChat

pytestmark = needs_oracles
ALPHABET = " \n\t\r'aZé́Å0१9，。《》你好𠮷👋🌍🇨🇳‍👩<|>[]_/\\{}s'tLLim_endﬁＡ안ส\x00\u3000\ufeff\ud800"
HOSTILE = ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "<|user|>", "[gMASK]", "sop", "</s>", "<unk>", "<0x0A>", "▁"]


@pytest.fixture(scope="module")
def qwen():
    return QwenChat(ORACLES / TINY["qwen"])


@pytest.fixture(scope="module")
def chatglm():
    return ChatGLMChat(ORACLES / TINY["chatglm"])


def random_texts(count=1000):
    source = random.Random(5)
    for _ in range(count):
        parts = source.choices([*ALPHABET, *HOSTILE], k=source.randrange(40))
        yield "".join(parts)


def replaced(text):
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shown(decoder, ids):
    """What a reader sees after each id, and at the end."""
    texts = list(accumulate(map(decoder.feed, ids)))
    return [*texts, (texts[-1] if texts else "") + decoder.flush()]


# ---- Qwen


def test_qwen_encodes_and_decodes_every_string_as_the_original(qwen):
    for case in expected("qwen.tokenizer.json")["strings"].values():
        assert qwen.encode(case["text"]) == case["encode_none"]
        assert shown(qwen.decoder(), case["encode_none"])[-1] == case["decode_none"].strip()
        text = unicodedata.normalize("NFC", case["text"])
        assert qwen.encoding.encode(text, allowed_special="all") == case["encode_all"]


def second_tokenizer(folder):
    """Qwen's vocabulary in the other library, put together from the file anew."""
    from transformers import PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import TikTokenConverter

    class Converter(TikTokenConverter):
        def load_tiktoken_bpe(self, path):
            lines = (line.split() for line in path.read_text().splitlines())
            return {base64.b64decode(token): int(rank) for token, rank in lines}

    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *(f"<|extra_{number}|>" for number in range(205))]
    converted = Converter(folder / "qwen.tiktoken", pattern=PATTERN, extra_special_tokens=specials).converted()
    converted.normalizer = tokenizers.normalizers.NFC()
    return PreTrainedTokenizerFast(tokenizer_object=converted, clean_up_tokenization_spaces=False)


def test_qwen_random_strings_are_the_other_librarys_too(qwen):
    other = second_tokenizer(ORACLES / TINY["qwen"])
    for text in random_texts():
        wanted = other.encode(replaced(text), add_special_tokens=False, split_special_tokens=True)
        assert qwen.encode(text) == wanted


def test_qwen_random_strings_have_no_special_ids_and_come_back(qwen):
    for text in random_texts():
        ids = qwen.encode(text)
        assert ids == qwen.encoding.encode_ordinary(unicodedata.normalize("NFC", text))
        assert all(token < RANKS for token in ids)
        assert shown(qwen.decoder(), ids)[-1] == unicodedata.normalize("NFC", replaced(text)).strip()


def talk(case):
    pairs = [message for pair in case["history"] for message in zip(("user", "assistant"), pair, strict=True)]
    return [Message(*pair) for pair in [("system", case["system"]), *pairs, ("user", case["query"])]]


def test_qwen_prompts_are_the_originals_also_under_attack(qwen):
    for name, case in expected("qwen.chat.json")["chats"].items():
        assert qwen.prompt_ids(talk(case)) == case["ids"], name
    without = qwen.prompt_ids([Message("user", "你好")])
    assert without == expected("qwen.chat.json")["chats"]["single_zh"]["ids"]


def test_qwen_leaves_out_the_turns_that_the_original_leaves_out(qwen, monkeypatch):
    for case in expected("qwen.chat.json")["window"].values():
        monkeypatch.setattr(qwen, "window", case["max_window_size"])
        assert qwen.prompt_ids(qwen.recent(talk(case))) == case["ids"]


def test_qwen_replies_grow_as_the_originals(qwen):
    for name, case in expected("qwen.tokenizer.json")["stream"].items():
        *growing, whole = shown(qwen.decoder(), case["ids"])
        assert all(full.strip().startswith(text) for text, full in zip(growing, case["prefix_ignore"], strict=True))
        assert whole == case["prefix_ignore"][-1].strip(), name


@pytest.mark.parametrize("family", ["qwen", "chatglm"])
def test_the_rest_of_a_cut_reply_follows_without_a_seam(family, request):
    chat = request.getfixturevalue(family)
    for text in ("Hello, world! It is\n\n- one\n- two", "你好，世界 again 👋🌍 end", "a  b   c", "第1题 (x+1) = 2"):
        ids = chat.encode(text)
        for end in range(1, len(ids)):
            cut = shown(chat.decoder(), ids[:end])[-1]
            # Half a character is in no text, so it comes again; so does white space at the end.
            rest = ids[end:] if chat.encode(cut) == ids[:end] else chat.encode(text)[len(chat.encode(cut)) :]
            assert cut + shown(chat.decoder(cut), rest)[-1] == text, (text, end)
    assert chat.request_ids([Message("user", "Hi"), Message("assistant", "Yes,")]) == [
        *chat.prompt_ids([Message("user", "Hi")]),
        *chat.cut_ids("Yes,"),
    ]


def test_qwen_finished_replies_are_the_originals(qwen):
    cases = expected("qwen.chat.json")["decode_tokens"]
    for name in ("im_end", "endoftext", "im_start"):
        ids = cases[name]["reply_ids"]
        end = next(number for number, token in enumerate(ids) if token in qwen.stop_ids)
        assert shown(qwen.decoder(), ids[:end])[-1] == cases[name]["text"]
    assert {*expected("qwen.chat.json")["stop_ids"], 151643} == qwen.stop_ids
    # Cut by the token limit, the original loses the last token; here it stays.
    assert shown(qwen.decoder(), cases["cut"]["reply_ids"])[-1] == "你好！"


def test_ids_that_no_text_has_are_nothing(qwen, chatglm):
    assert shown(qwen.decoder(), [108386, 151851, 151935, 151646])[-1] == "你好"
    assert shown(chatglm.decoder(), [36474, 54591, 64789, 64798, 65023, 0])[-1] == "你好"


# ---- ChatGLM3


def test_chatglm_encodes_and_decodes_every_string_as_the_original(chatglm):
    for case in expected("chatglm3.tokenizer.json")["strings"].values():
        assert chatglm.encode(case["text"]) == case["sp_encode"]
        assert chatglm.decode(case["sp_encode"]) == case["decode"]


def test_chatglm_random_strings_have_no_special_ids_and_come_back(chatglm):
    for text in random_texts():
        ids = chatglm.encode(text)
        assert ids == chatglm._pieces.encode(replaced(text))
        assert all(2 < token < PIECES for token in ids)
        assert chatglm.decode(ids) == replaced(text).replace("▁", " ")


def test_chatglm_prompts_are_the_originals_also_under_attack(chatglm):
    for name, case in expected("chatglm3.chat.json")["chats"].items():
        turns = [*case["history"], {"role": case["role"], "content": case["query"]}]
        turns = [with_tools(**turn) for turn in turns]
        ids = [token for turn in turns for token in message_ids(chatglm, **turn)]
        assert [*PREFIX, *ids, ROLES["assistant"]] == case["ids"], name
        if all(turn["role"] in ("system", "user", "assistant") and not turn.get("metadata") for turn in turns):
            messages = [Message(turn["role"], turn["content"]) for turn in turns]
            assert chatglm.prompt_ids(messages) == case["ids"], name
    assert set(expected("chatglm3.chat.json")["stop_ids"]) == chatglm.stop_ids


def with_tools(content, tools=None, **turn):
    """A turn as it is when the original has written its tools into the text."""
    listed = f"\n{json.dumps(tools, indent=4, ensure_ascii=False)}" if tools else ""
    return {**turn, "content": f"{content}{listed}"}


def message_ids(chat, role, content, metadata=""):
    return [ROLES[role], *chat.encode(f"{metadata}\n"), *chat.encode(content)]


def test_chatglm_replies_grow_as_the_originals(chatglm):
    for name, case in expected("chatglm3.tokenizer.json")["stream"].items():
        *growing, whole = shown(chatglm.decoder(), case["ids"])
        assert all(full.strip().startswith(text) for text, full in zip(growing, case["prefix"], strict=True))
        assert "\ufffd" not in "".join(growing)
        assert whole == case["prefix"][-1].strip(), name


def test_chatglm_finished_replies_are_the_originals_where_they_are_text(chatglm):
    for name, case in expected("chatglm3.responses.json")["cases"].items():
        if "<|assistant|>" in case["output"]:
            continue  # what was shown is not taken back
        found = shown(chatglm.decoder(), chatglm.encode(case["output"]))[-1]
        assert found == (case["content"] if isinstance(case["content"], str) else case["output"].strip()), name


def test_bytes_that_are_no_character_do_not_hold_up_what_follows(chatglm):
    ids = [243, 162, 36474, 243, 243, 243, 243, 54591]
    *growing, whole = shown(chatglm.decoder(), ids)
    assert whole == chatglm.decode(ids)
    assert all(whole.startswith(text) for text in growing)
