"""Rating without the models' names: recorded answers, live battles, and the rooms of a class."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    # ---- recorded answers and live battles
    "tab_judge": ("盲评", "Blind vote"),
    "judge_intro": (
        "每次给出同一个问题的两个回答，不告诉您各是哪个模型写的，请选出更好的一个。\n\n"
        "保存的内容有：您的选择和备注、用时，以及本浏览器的一个随机编号；不保存姓名、账号和网络地址。这些投票可能会公开发布。",
        "You read two answers to one prompt without being told which model wrote which, and say which is better.\n\n"
        "What is stored: your choice and comment, the time you took, and a random number of this browser; no name, "
        "account or network address. The votes may be published.",
    ),
    "judge_begin": ("开始", "Start"),
    "judge_progress": ("第 {place} 题，共 {total} 题", "{place} / {total}"),
    "judge_prompt": ("问题", "Prompt"),
    "judge_a": ("左边的回答", "Left answer"),
    "judge_b": ("右边的回答", "Right answer"),
    "judge_skip": ("跳过这一题", "Skip"),
    "judge_next": ("下一题", "Next"),
    "reference": ("本题已知要点", "What is known of a good answer"),
    "reference_note": (
        "由程序对照已知要点得出，只看字面，仅供参考。",
        "Compared by the program, word for word: a hint, no judgement.",
    ),
    "judge_more": ("补充评价（可不填）", "More to say (optional)"),
    "judge_correct": ("哪个更正确？", "Which is more correct?"),
    "judge_complete": ("哪个更完整？", "Which is more complete?"),
    "judge_clear": ("哪个更清楚？", "Which is clearer?"),
    "verdict_a": ("左边", "Left"),
    "verdict_tie": ("差不多", "About the same"),
    "verdict_b": ("右边", "Right"),
    "judge_any_right": ("至少有一个回答是对的吗？", "Is at least one answer right?"),
    "answer_yes": ("是", "Yes"),
    "answer_no": ("否", "No"),
    "judge_comment": ("备注", "Comment"),
    "judge_seconds": ("用时 {seconds} 秒", "{seconds} s"),
    "judge_receipt": (
        "✅ 已保存：{choice}（回执 {id}）。想撤回您的全部投票时，请用撤回码 `{code}`",
        "✅ Saved: {choice} (receipt {id}). To take all your votes back, use the code `{code}`",
    ),
    "judge_withdrawal": ("撤回投票", "Take votes back"),
    "judge_code": ("撤回码", "Code"),
    "judge_code_info": (
        "写在每张回执上；用同一浏览器投的票会全部撤回，且不能恢复",
        "It stands on every receipt; all votes of that browser are taken back, for good",
    ),
    "judge_withdraw": ("撤回", "Take back"),
    "judge_withdrawn": ("已撤回 {count} 票", "Votes taken back: {count}"),
    "judge_done": (
        "🎉 {total} 题全部看完，谢谢！",
        "🎉 That was all: {total} of {total}. Thank you!",
    ),
    "judge_no_storage": (
        "浏览器没有保存编号，无法记录进度：请允许本站存储数据后刷新",
        "This browser keeps no number, so your place cannot be remembered: allow this site to store data and reload",
    ),
    # live blind battles
    "tab_live": ("盲测", "Blind battle"),
    "live_intro": (
        "请提一个问题：两个模型会同时作答，不告诉您哪边是哪个。两边都答完后请选出更好的一个，投票后才显示名称。\n\n"
        "保存的内容有：问题和两个回答、您的选择和备注、用时，以及本浏览器的一个随机编号；"
        "不保存姓名、账号和网络地址。这些投票可能会公开发布。",
        "Ask something: both models answer, and you are not told which is on which side. When both are done, say which "
        "answer is better; the names come after your vote.\n\n"
        "What is stored: the prompt and both answers, your choice and comment, the time you took, and a random number "
        "of this browser; no name, account or network address. The votes may be published.",
    ),
    "live_send": ("提问", "Ask"),
    "live_answering": ("正在作答…", "Answering…"),
    "live_votable": ("两边都答完了，请投票", "Both answers are complete: please vote"),
    "live_stopped": ("已停止，这一轮不能投票，请再提问", "Stopped: this round cannot be judged; ask again"),
    "live_stalled": (
        "有一边 60 秒没有动静，这一轮到此结束，请再提问",
        "One side was silent for 60 s, so this round is over; ask again",
    ),
    "live_failed": (
        "有一边没有正常答完，这一轮不能投票，请再提问",
        "One side did not end normally, so this round cannot be judged; ask again",
    ),
    # ---- rooms
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
