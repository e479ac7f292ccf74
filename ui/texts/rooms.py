"""Rooms, and the tab that opens them. Knows no component."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    "room_is": ("课堂 {code}", "Room {code}"),
    "room_over": ("课堂 {code} 已结束", "Room {code} is closed"),
    "room_results": ("查看课堂结果", "Show the room's results"),
    "room_still_open": (
        "课堂还没有结束，结束后才能看结果",
        "The room is still open: results are shown once it is closed",
    ),
    "room_join_title": ("有课堂码？", "Do you have a room code?"),
    "room_code": ("课堂码", "Room code"),
    "room_join": ("加入课堂", "Join the room"),
    "tab_class": ("课堂", "Class"),
    "class_intro": (
        "老师在这里开课堂：学生扫码投票，结束前只显示人数和票数，结束后显示结果。",
        "Open a room for a class here: raters scan a code and vote; until you close it only counts are shown, "
        "then the results.",
    ),
    "class_token": ("管理口令", "Admin token"),
    "class_enter": ("进入", "Enter"),
    "class_prompts": ("使用哪些题目", "Prompts to judge"),
    "class_wanted": ("预计人数", "Raters wanted"),
    "class_open": ("开课堂", "Open a room"),
    "class_room": ("课堂", "Room"),
    "class_is_open": ("{code}（进行中）", "{code} (open)"),
    "class_is_closed": ("{code}（已结束）", "{code} (closed)"),
    "class_qr": ("课堂链接的二维码", "The room's link as a QR code"),
    "class_counts": (
        "{count} 道题：已开始 {begun} 人，已完成 {through} / {wanted} 人，共 {votes} 票",
        "Prompts: {count}. Begun: {begun}. Through: {through} of {wanted}. Votes: {votes}",
    ),
    "class_close": ("结束课堂并显示结果", "Close the room and show the results"),
}
