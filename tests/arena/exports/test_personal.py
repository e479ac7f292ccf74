"""What is found of personal data, and what is not taken for it."""

import sys
from dataclasses import replace

import pytest
from vote_samples import make_side, make_vote

from arena.errors import InputError
from arena.exports.personal import Finding, Kind, findings_in, personal_data
from arena.types import Battle, Message


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("写信到zhang.wei@qq.com，谢谢", Kind.MAIL, "zhang.wei@qq.com"),
        ("Mail a.b+c@mail.example.co.uk.", Kind.MAIL, "a.b+c@mail.example.co.uk"),
        ("我的电话是13800138000。", Kind.PHONE, "13800138000"),
        ("全角１３８００１３８０００", Kind.PHONE, "13800138000"),
        ("隐形 138\u200b0013\u200b8000", Kind.PHONE, "13800138000"),
        ("座机 010-62781234", Kind.PHONE, "010-62781234"),
        ("call (650) 253-0000 today", Kind.PHONE, "(650) 253-0000"),
        ("in London: +44 20 7946 0958", Kind.PHONE, "+44 20 7946 0958"),
        ("身份证110101199003074477", Kind.ID, "110101199003074477"),
        ("身份证 110101 19900307 4477", Kind.ID, "110101 19900307 4477"),
        ("SSN 536-90-4399", Kind.ID, "536-90-4399"),
        ("card 4111 1111 1111 1111, thanks", Kind.CARD, "4111 1111 1111 1111"),
        ("卡号6228480402564890018", Kind.CARD, "6228480402564890018"),
        ("Hi, my name is John Smith and I ask", Kind.NAME, "John Smith"),
        ("MY NAME IS JANE", Kind.NAME, "JANE"),
        ("你好my name is Bob Smith", Kind.NAME, "Bob Smith"),
        ("大家好I'm called Zoë.", Kind.NAME, "Zoë"),
        ("你好，我叫张伟，请问", Kind.NAME, "张伟"),
        ("我的名字是李小龙。", Kind.NAME, "李小龙"),
        ("姓名：王芳", Kind.NAME, "王芳"),
    ],
)
def test_what_is_personal_is_found(text, kind, found):
    assert (kind, found) in personal_data(text)
    assert {other for other, _ in personal_data(text)} <= {kind, Kind.PHONE}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1+1=2，圆周率 3.14159265358979323846",
        "2026-11-30 12:00:00, 192.168.100.200, 1,000,000,000, 0.30000000000000004",
        "身份证110101199003074478",  # its check digit is wrong
        "card 4111 1111 1111 1112",
        "user@host, @user, a@b",
        "我叫你写一首诗；我叫他来",
        "Tommy name is a typo",
        "What is your name? The name of the rose.",
    ],
)
def test_what_is_not_personal_is_not_found(text):
    assert personal_data(text) == ()


def asked(prompt, answer, comment="", history=()):
    sides = (
        replace(make_side(model, answer), messages=(*history, Message("user", prompt))) for model in ("qwen", "glm")
    )
    return make_vote(1, battle=Battle("battle-1", prompt, *sides), comment=comment)


def test_a_finding_names_its_place_once_and_hides_most_of_the_text():
    vote = asked("My mail is anna@example.com", "Thank you, anna@example.com!", comment="13800138000")
    assert list(findings_in(vote)) == [
        Finding("battle-1", "prompt", Kind.MAIL, "an************om"),
        Finding("battle-1", "comment", Kind.PHONE, "13*******00"),
    ]


def test_earlier_turns_and_answers_are_searched():
    history = (Message("user", "我叫张伟"), Message("assistant", "打 13800138000 吧"))
    findings = list(findings_in(asked("Why?", "mail me: a.b@example.com", history=history)))
    assert [(finding.column, finding.kind) for finding in findings] == [
        ("conversation_a", Kind.NAME),
        ("conversation_a", Kind.PHONE),
        ("response_a", Kind.MAIL),
    ]


def test_the_name_that_a_model_gives_itself_is_nobodys():
    assert list(findings_in(asked("Who are you?", "My name is Qwen. 我叫通义千问。"))) == []


def test_without_the_libraries_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    personal_data.cache_clear()
    assert personal_data("Only words and 12 34") == ()
    with pytest.raises(InputError, match=r"requirements-publish\.txt"):
        personal_data("seven digits: 1234567")
