"""Rating without the models' names: recorded answers, live battles, and the rooms of a class."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    # ---- recorded answers and live battles
    "tab_judge": ("评已有回答", "Rate answers"),
    "judge_intro": (
        "每次给出同一个问题的两个回答，不告诉您各是哪个模型写的，请选出更好的一个。\n\n保存的内容有：您的选择和备注、"
        "用时，以及本浏览器的一个随机编号；不保存姓名、账号和网络地址。这些投票可能会公开发布。",
        "Read two answers to the same prompt by anonymous models, and choose the better one.\n\nWe store your vote, "
        "comment, time taken and a random browser ID. No name, account or IP address. Votes may be published.",
    ),
    "judge_begin": ("开始", "Start"),
    "judge_progress": ("第 {place} 题，共 {total} 题", "{place} / {total}"),
    "judge_prompt": ("问题", "Prompt"),
    "judge_a": ("左边的回答", "Left answer"),
    "judge_b": ("右边的回答", "Right answer"),
    "judge_skip": ("跳过这一题", "Skip"),
    "judge_next": ("下一题", "Next"),
    "reference": ("本题已知要点", "What a good answer should contain"),
    "reference_note": (
        "由程序对照已知要点得出，只看字面，仅供参考。",
        "Checked automatically by wording; a hint, not a verdict.",
    ),
    "judge_more": ("补充评价（可不填）", "Add details (optional)"),
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
    "judge_seconds": ("用时 {seconds} 秒", "{seconds} s"),
    "judge_receipt": (
        "✅ 已保存：{choice}（回执 {id}）。想撤回您的全部投票时，请用撤回码 `{code}`",
        "✅ Vote saved: {choice} (receipt {id}). To withdraw all your votes, use the code `{code}`",
    ),
    "judge_withdrawal": ("撤回投票", "Withdraw my votes"),
    "judge_code": ("撤回码", "Withdrawal code"),
    "judge_code_info": (
        "写在每张回执上；用同一浏览器投的票会全部撤回，且不能恢复",
        "You find it on every receipt. Withdraws all votes from that browser, permanently.",
    ),
    "judge_withdraw": ("撤回", "Withdraw"),
    "judge_withdrawn": ("已撤回 {count} 票", "{count} votes withdrawn"),
    "judge_done": ("🎉 {total} 题全部看完，谢谢！", "🎉 All {total} done. Thank you!"),
    "judge_no_storage": (
        "浏览器不允许本页存储数据，无法记录进度：请在单独的标签页中打开本页",
        "This browser blocks storage, so we cannot save your progress. Open the page in its own tab.",
    ),
    # live blind battles
    "tab_live": ("盲测", "Blind battle"),
    "live_intro": (
        "请提一个问题：两个匿名模型会同时作答。两边都答完后请选出更好的一个，投票后才显示名称。\n\n保存的内容有："
        "问题和两个回答、您的选择和备注、用时，以及本浏览器的一个随机编号；不保存姓名、账号和网络地址。"
        "这些投票可能会公开发布。",
        "Ask anything. Two anonymous models answer; vote for the better one, then see their names.\n\nWe store the "
        "prompt, both answers, your vote, comment, time taken and a random browser ID. No name, account or IP "
        "address. Votes may be published.",
    ),
    "live_send": ("提问", "Ask"),
    "live_answering": ("正在作答…", "Answering…"),
    "live_votable": ("两边都答完了，请投票", "Both answers are in. Which is better?"),
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
    "class_intro": (
        "老师在这里开课堂：学生扫码投票，结束前只显示人数和票数，结束后显示结果。",
        "Open a room for your class. Students scan a code and vote; you see only counts until you close the room, "
        "then the results.",
    ),
    "class_token": ("管理口令", "Admin token"),
    "class_enter": ("进入", "Enter"),
    "class_prompts": ("使用哪些题目", "Prompts"),
    "class_wanted": ("预计人数", "Expected raters"),
    "class_open": ("开课堂", "Open room"),
    "class_room": ("课堂", "Room"),
    "class_is_open": ("{code}（进行中）", "{code} (open)"),
    "class_is_closed": ("{code}（已结束）", "{code} (closed)"),
    "class_qr": ("课堂链接的二维码", "QR code of the room's link"),
    "class_counts": (
        "{count} 道题：已开始 {begun} 人，已完成 {through} / {wanted} 人，共 {votes} 票",
        "{begun} started, {through} of {wanted} finished · Prompts: {count} · Votes: {votes}",
    ),
    "class_close": ("结束课堂并显示结果", "Close room and show results"),
}
