"""Rating without the models' names: recorded answers, live battles, and the rooms of a class."""

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    # ---- recorded answers and live battles
    "judge_begin": ("开始", "Start"),
    "judge_progress": ("第 {place} 题，共 {total} 题", "{place} / {total}"),
    "judge_a": ("左边的回答", "Left answer"),
    "judge_b": ("右边的回答", "Right answer"),
    "judge_skip": ("跳过这一题", "Skip"),
    "judge_next": ("下一题", "Next"),
    "reference": ("本题已知要点", "What a good answer should contain"),
    "reference_note": (
        "由程序对照已知要点得出，只看字面，仅供参考。",
        "Checked automatically by wording; a hint, not a verdict.",
    ),
    "judge_correct": ("哪个更正确？", "Which is more correct?"),
    "judge_complete": ("哪个更完整？", "Which is more complete?"),
    "judge_clear": ("哪个更清楚？", "Which is clearer?"),
    "verdict_a": ("左边", "Left"),
    "verdict_tie": ("差不多", "About the same"),
    "verdict_b": ("右边", "Right"),
    "judge_any_right": ("至少有一个回答是对的吗？", "Is at least one answer correct?"),
    "answer_yes": ("是", "Yes"),
    "answer_no": ("否", "No"),
    "judge_comment": ("备注", "Comment"),
    "judge_withdrawal": ("撤回投票", "Withdraw my votes"),
    "judge_code": ("撤回码", "Withdrawal code"),
    "judge_code_info": (
        "写在每张回执上；用同一浏览器投的票会全部撤回，且不能恢复",
        "You find it on every receipt. Withdraws all votes from that browser, permanently.",
    ),
    "judge_withdraw": ("撤回", "Withdraw"),
    "judge_withdrawn": ("已撤回 {count} 票", "{count} votes withdrawn"),
    "judge_done": ("{total} 题全部看完，谢谢！", "All {total} done. Thank you!"),
    "storage_banner": (
        "**浏览器不允许本页存储数据**，可以提问，但不能投票。"
        '<a href="" target="_blank" rel="noopener">在单独的标签页中打开</a>',
        "**This browser blocks storage.** You can ask questions, but not vote. "
        '<a href="" target="_blank" rel="noopener">Open the page in its own tab</a>',
    ),
    # live blind battles that end without a vote
    "live_stopped": ("已停止，这一轮不能投票，请再提问", "Stopped, so there is no vote this round. Ask again."),
    "live_stalled": (
        "有一边 60 秒没有动静，这一轮到此结束，请再提问",
        "No response from one side for 60 s, so there is no vote this round. Ask again.",
    ),
    "live_failed": (
        "有一边没有正常答完，这一轮不能投票，请再提问",
        "One answer did not finish, so there is no vote this round. Ask again.",
    ),
    # ---- rooms
    "room_is": ("课堂 {code}", "Room {code}"),
    "room_over": ("课堂 {code} 已结束", "Room {code} is closed"),
    "room_results": ("查看课堂结果", "Show room results"),
    "room_still_open": ("课堂还没有结束，结束后才能看结果", "The room is still open. Results appear when it closes."),
    "room_join_title": ("有课堂码？", "Have a room code?"),
    "room_code": ("课堂码", "Room code"),
    "room_join": ("加入课堂", "Join room"),
    "tab_class": ("课堂", "Class"),
    "class_what": (
        "老师在这里开课堂：学生扫码投票，结束前只显示人数和票数，结束后显示结果。",
        "Open a room for your class. Students scan a code and vote; you see only counts until you close the room, "
        "then the results.",
    ),
    "class_prompts": ("使用哪些题目", "Prompts"),
    "class_wanted": ("预计人数", "Expected raters"),
    "class_open": ("开课堂", "Open room"),
    "class_room": ("课堂", "Room"),
    "class_is_open": ("{code}（进行中）", "{code} (open)"),
    "class_is_closed": ("{code}（已结束）", "{code} (closed)"),
    "class_qr": ("课堂链接的二维码", "QR code of the room's link"),
    "class_join": ("扫码或打开网址加入，课堂码：", "Scan the code or open the address to join. Room code:"),
    "class_joined": ("人已加入", "joined"),
    "class_finished": ("人已完成", "finished"),
    "class_votes": ("票", "votes"),
    "class_prompts_count": ("道题", "prompts"),
    "class_project_on": ("投影显示", "Projector view"),
    "class_project_off": ("退出投影（Esc）", "Leave (Esc)"),
    "class_close": ("结束课堂并显示结果", "Close room and show results"),
}
