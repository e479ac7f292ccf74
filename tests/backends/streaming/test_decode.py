"""From bytes to shown text: no half characters, nothing held back without need, stop strings, reasoning kept apart."""

import string
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.battle import fold
from arena.text import clean
from arena.types import Answer, Chunk
from backends.streaming.decode import AnswerText, MarkerScanner, utf8_decoder

HELLO = "你好，世界😀"
FLAG = "🇩🇪🇨🇳"
FAMILY = "👨‍👩‍👧‍👦"
IM_END = "<|im_end|>"
# Letters of the stop strings and the marks, so that halves of them, and their overlaps, turn up often.
STOPS = ("ab", "abc", "abca", "bc", "cc", "aab")
PIECES = ["<think>", "</think>", "<", "think>", "</", "/", "a", "b", "c", " ", "\n", "好", "😀"]


def pieces_of(text, cuts):
    """`text` cut at the given places."""
    edges = [0, *sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def fed(pieces, **options):
    """The chunks that come of some pieces, and the scanner that made them."""
    answer_text = AnswerText(**options)
    chunks = [chunk for piece in pieces for chunk in answer_text.feed(piece)]
    return chunks + answer_text.flush(), answer_text


def said(pieces, **options):
    """(text, reasoning) that some pieces add up to."""
    *_, answer = accumulate(fed(pieces, **options)[0], fold, initial=Answer())
    return answer.text, answer.reasoning


def up_to_stop(text, stops):
    """`text` before the stop string that is complete first, found the slow way."""
    for end in range(len(text) + 1):
        if result := [stop for stop in stops if text[:end].endswith(stop)]:
            return text[: end - len(max(result, key=len))]
    return text


unhurried = settings(deadline=None)
cuts = st.lists(st.integers(0, 200), max_size=12)
raw_texts = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)
stop_sets = st.lists(st.sampled_from(STOPS), max_size=3)


# ---- bytes


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 25])
@pytest.mark.parametrize("text", [HELLO, FLAG, FAMILY, " 根"], ids=["hello", "flags", "family", "space and 根"])
def test_text_in_pieces_of_any_size_grows_without_half_characters(text, size):
    data = text.encode()
    decode = utf8_decoder()
    shown = list(accumulate(decode(data[at : at + size]) for at in range(0, len(data), size)))
    assert "\ufffd" not in "".join(shown)
    assert all(text.startswith(prefix) for prefix in shown)
    assert shown[-1] == text


@pytest.mark.parametrize("cut", range(len(HELLO.encode()) + 1))
def test_text_cut_anywhere_shows_every_whole_character_at_once(cut):
    data = HELLO.encode()
    decode = utf8_decoder()
    first = decode(data[:cut])
    assert first == data[:cut].decode(errors="ignore")
    assert first + decode(data[cut:]) == HELLO


def test_space_and_two_thirds_of_a_character_show_the_space():
    decode = utf8_decoder()
    assert decode(b" " + "根".encode()[:2]) == " "
    assert decode("根".encode()[2:]) == "根"


def test_half_a_character_at_the_end_of_a_stream_is_never_shown():
    assert utf8_decoder()(b"ok\xf0\x9f\x98") == "ok"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\xffb", "a\ufffdb"),
        (b"\x80", "\ufffd"),
        (b"\xe6\xa0a", "\ufffda"),
        (b"\xc0\xaf", "\ufffd\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
    ],
    ids=["no start byte", "lone tail", "broken off", "overlong", "surrogate"],
)
def test_bytes_that_are_no_character_are_marked_at_once(data, text):
    assert utf8_decoder()(data) == text


@unhurried
@given(st.binary(max_size=40), cuts)
def test_any_bytes_in_any_pieces_give_the_same_text(data, cuts):
    decode = utf8_decoder()
    assert "".join(map(decode, pieces_of(data, cuts))) == utf8_decoder()(data)


# ---- markers


def test_the_earliest_marker_counts():
    assert MarkerScanner(["yy", "x"]).feed("1x2yy3") == ("1", "x", "2yy3")


def test_of_two_markers_that_end_together_the_longer_is_meant():
    assert MarkerScanner(["|>", "<|end|>"]).feed("text<|end|>more") == ("text", "<|end|>", "more")


def test_of_two_markers_the_one_complete_first_counts_as_if_letters_came_alone():
    assert MarkerScanner(["abcd", "bc"]).feed("abcd") == ("a", "bc", "d")


def test_without_markers_nothing_is_held():
    scanner = MarkerScanner(["", ""])
    assert scanner.feed("any <text>") == ("any <text>", "", "")
    assert scanner.flush() == ""


@pytest.mark.parametrize(
    ("piece", "shown"), [("a<", "a"), ("a<|im_en", "a"), ("a<|x", "a<|x"), ("a<<|", "a<"), ("a>", "a>")]
)
def test_only_what_may_begin_a_marker_is_held(piece, shown):
    scanner = MarkerScanner([IM_END])
    assert scanner.feed(piece) == (shown, "", "")
    assert shown + scanner.flush() == piece


def test_of_all_that_may_begin_a_marker_the_longest_is_held():
    scanner = MarkerScanner(["aab"])
    assert scanner.feed("caa") == ("c", "", "")
    assert scanner.feed("b") == ("", "aab", "")


def test_what_is_held_is_given_out_once():
    scanner = MarkerScanner([IM_END])
    scanner.feed("<|im")
    assert (scanner.flush(), scanner.flush()) == ("<|im", "")


@unhurried
@given(raw_texts, cuts, stop_sets)
def test_text_before_a_marker_is_complete_in_any_pieces(text, cuts, markers):
    scanner = MarkerScanner(markers)
    before, marker = "", ""
    for piece in pieces_of(text, cuts):
        part, marker, _ = scanner.feed(piece)
        before += part
        if marker:
            break
    before += scanner.flush()
    assert before == up_to_stop(text, markers)
    assert bool(marker) == any(wanted in text for wanted in markers)
    assert text.startswith(before + marker)


# ---- stop strings


@pytest.mark.parametrize("cut", range(len(IM_END) + 1))
def test_a_stop_string_cut_anywhere_ends_the_answer(cut):
    chunks, answer_text = fed(["answer" + IM_END[:cut], IM_END[cut:] + "\n<|im_start|>user\n"], stops=[IM_END])
    assert "".join(chunk.text for chunk in chunks) == "answer"
    assert answer_text.stopped


def test_a_stop_string_letter_by_letter_never_shows():
    chunks, _ = fed("你好" + IM_END + "rubbish", stops=[IM_END, "<|im_start|>"])
    assert [chunk.text for chunk in chunks] == ["你", "好"]


def test_after_the_stop_nothing_is_said():
    answer_text = AnswerText([IM_END])
    answer_text.feed("yes" + IM_END)
    assert (answer_text.feed("more"), answer_text.flush()) == ([], [])


def test_a_closing_mark_that_was_never_opened_is_written_once():
    answer_text = AnswerText(("<|user|>",), reasoning=True)
    chunks = [*answer_text.feed("abc\n"), *answer_text.feed("</think>"), *answer_text.feed("<|user|>")]
    assert "".join(chunk.text for chunk in [*chunks, *answer_text.flush()]).count("</think>") == 1


def test_glm_ends_its_turn_by_naming_the_next_speaker():
    assert said(["北京", "<|us", "er|>", "\n再来"], stops=["</s>", "<|user|>", "<|observation|>"]) == ("北京", "")


def test_half_a_stop_string_at_the_end_of_the_stream_is_text():
    chunks, answer_text = fed(["1 <", "|im_"], stops=[IM_END])
    assert "".join(chunk.text for chunk in chunks) == "1 <|im_"
    assert not answer_text.stopped


def test_tokens_without_spaces_are_shown_as_they_come():
    tokens = [*"，。、😀！" * 6, *string.ascii_uppercase, "<", "|", "im", "x"]
    answer_text = AnswerText([IM_END, "</s>"], reasoning=True)
    updates = [answer_text.feed(token) for token in tokens]
    assert len(tokens) == 60
    assert sum(map(bool, updates)) >= 57  # the three that may begin a stop string wait for the fourth
    assert "".join(chunk.text for chunks in updates for chunk in chunks) == "".join(tokens)


def test_sixty_tokens_without_spaces_are_at_least_fifty_eight_updates():
    tokens = [*"，。、😀AZ" * 10]
    answer_text = AnswerText([IM_END, "<|im_start|>"], reasoning=True)
    assert sum(bool(answer_text.feed(token)) for token in tokens) >= 58


def test_indentation_tabs_and_outer_blank_lines_stay():
    code = "    if x:\n\ty  \n\n"
    assert said(code, stops=[IM_END], reasoning=True) == (code, "")


@pytest.mark.parametrize("rest", ["<think>", "</think>", "</think><think>", "</think>\n", "x</think>\n<think>"])
def test_marks_after_the_end_of_reasoning_are_text_however_the_text_arrives(rest):
    text = f"<</think>\n{rest}"
    assert said([text], reasoning=True) == said(text, reasoning=True) == (rest, "<")


# ---- any text, any pieces


@unhurried
@given(raw_texts, cuts, stop_sets, st.booleans(), st.booleans())
def test_any_pieces_add_up_to_what_the_whole_gives(text, cuts, stops, reasoning, thinking):
    options = {"stops": stops, "reasoning": reasoning, "thinking": reasoning and thinking}
    assert said(pieces_of(text, cuts), **options) == said([text], **options)
    assert said(text, **options) == said([text], **options)


@unhurried
@given(st.text(st.characters(exclude_characters=">")), cuts)
def test_text_without_marks_comes_out_whole(text, cuts):
    assert said(pieces_of(text, cuts), stops=[IM_END], reasoning=True) == (clean(text), "")


@unhurried
@given(raw_texts, cuts, stop_sets)
def test_with_reasoning_off_the_text_before_the_stop_is_all_and_marks_are_part_of_it(text, cuts, stops):
    assert said(pieces_of(text, cuts), stops=stops) == (up_to_stop(text, stops), "")


# ---- reasoning


ABOUT_MARKS = (
    "The mark </think> ends it.\nMore.",
    "标记</think>表示思考结束。\n后面是回答。",
    "`</think>`\nis the mark",
    'They write "</think>"\nat the end',
    "他们写“</think>”\n在最后",
    "```\nsome thoughts\n</think>\nanswer\n```\nas you see",
    "```python\ntext.split('</think>')\n```\nsplits it",
    "First <think>, then </think>\nand the answer",
    "An answer that ends with </think>",
    "An answer that ends with </think><",
    "`<think>` opens it",
)


@pytest.mark.parametrize(
    ("raw", "text", "reasoning"),
    [
        ("<think>why</think>answer", "answer", "why"),
        ("<think>\nwhy\n</think>\n\nanswer", "answer", "\nwhy\n"),
        ("<think>why</think>\n\n    if x:\n\n", "    if x:\n\n", "why"),
        ("why</think>\nanswer", "answer", "why"),
        ("why\n</think>\n\nanswer", "answer", "why\n"),
        ("<think>why", "", "why"),
        ("<think></think>answer", "answer", ""),
        ("<think>\n\n</think>\n\nanswer", "answer", "\n\n"),
        ("</think>answer", "answer", ""),
        ("<think>why</think>", "", "why"),
        ("no marks", "no marks", ""),
        ("<think>a <think> b</think>c", "c", "a <think> b"),
        ("<think>why</think>say <think>so</think>", "say <think>so</think>", "why"),
        ("say <think> to me", "say <think> to me", ""),
        ("a < b, </thin", "a < b, </thin", ""),
        # Marks that an answer is about.
        *((text, text, "") for text in ABOUT_MARKS),
        *((f"<think>why</think>{text}", text, "why") for text in ABOUT_MARKS),
        ("<think>It ends with `</think>`, I think.</think>Yes", "Yes", "It ends with `</think>`, I think."),
    ],
)
def test_reasoning_is_kept_apart(raw, text, reasoning):
    assert said([raw], reasoning=True) == (text, reasoning)
    assert said(raw, reasoning=True) == (text, reasoning)


@pytest.mark.parametrize("cut", range(len("<think>why</think>answer") + 1))
def test_marks_cut_anywhere_are_never_shown(cut):
    raw = "<think>why</think>answer"
    chunks, _ = fed([raw[:cut], raw[cut:]], reasoning=True)
    assert "".join(chunk.reasoning for chunk in chunks) == "why"
    assert "".join(chunk.text for chunk in chunks) == "answer"


@pytest.mark.parametrize("cut", range(len("why</think>answer") + 1))
def test_a_mark_opened_in_the_prompt_makes_the_beginning_reasoning_at_once(cut):
    raw = "why</think>answer"
    chunks, _ = fed([raw[:cut], raw[cut:]], reasoning=True, thinking=True)
    assert "".join(chunk.reasoning for chunk in chunks) == "why"
    assert "".join(chunk.text for chunk in chunks) == "answer"
    assert not any(chunk.retract for chunk in chunks)


def test_a_closing_mark_never_opened_takes_the_text_back():
    chunks, _ = fed(["why", "</think>", "\nanswer"], reasoning=True)
    assert chunks == [Chunk(text="why"), Chunk(retract=True), Chunk(text="answer")]


def test_reasoning_off_leaves_the_marks_in_the_text():
    raw = "<think>why</think>answer"
    assert said([raw]) == said(raw) == (raw, "")


def test_reasoning_is_shown_as_it_comes():
    chunks, _ = fed(["<think>", "a", "，", "b"], reasoning=True)
    assert chunks == [Chunk(reasoning="a"), Chunk(reasoning="，"), Chunk(reasoning="b")]


def test_a_stop_string_ends_reasoning_too():
    assert said(["<think>why", "<|im_", "end|>x"], stops=[IM_END], reasoning=True) == ("", "why")


def test_half_a_mark_before_a_stop_string_is_text():
    answer_text = AnswerText([IM_END], reasoning=True)
    assert answer_text.feed("a</thi" + IM_END) == [Chunk(text="a"), Chunk(text="</thi")]
    assert answer_text.flush() == []


# ---- loops of a demo model

LOOPS = ["1," * 60, "I do not know. " * 12, "no\n" * 40, "The answer is 4.\n\n" * 9, "ha" * 50]
PLAIN = [
    "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22",
    "----------------\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
    "for i in range(3):\n    print(i)\n    print(i)\n    print(i)\n",
]


@pytest.mark.parametrize("text", LOOPS)
def test_a_demo_models_loop_ends_its_answer_soon(text):
    for cut_loops in (True, False):
        answer = AnswerText(cut_loops=cut_loops)
        shown = "".join(chunk.text for letter in f"Well: {text}" for chunk in answer.feed(letter))
        assert answer.stopped == cut_loops
        assert shown == f"Well: {text}" if not cut_loops else 20 <= len(shown) < len(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_loop_does_not_end_an_answer(text):
    answer = AnswerText(cut_loops=True)
    assert "".join(chunk.text for letter in text for chunk in answer.feed(letter)) == text and not answer.stopped
