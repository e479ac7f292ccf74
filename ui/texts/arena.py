"""The Arena: asking, rating and voting."""

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    "tab_arena": ("对战", "Arena"),
    "mode": ("模型名称", "Names of the models"),
    "mode_blind": ("匿名", "Blind"),
    "mode_named": ("实名", "Named"),
    "mode_rate": ("评已有回答", "Rate answers"),
    # ---- the empty screen
    "welcome": ("哪个模型答得更好？", "Which model answers better?"),
    "welcome_blind": (
        "随便问。两个匿名模型同时回答，投票选出更好的，再看它们的名字。",
        "Ask anything. Two anonymous models answer; vote for the better one, then see their names.",
    ),
    "welcome_named": (
        "随便问。{models}并排回答，投票选出更好的。",
        "Ask anything. {models} answer side by side; vote for the better one.",
    ),
    "welcome_rate": (
        "阅读两个匿名模型对同一问题的回答，选出更好的一个。",
        "Read two answers to the same prompt by anonymous models, and choose the better one.",
    ),
    "and": ("和", " and "),
    "more_prompts": ("更多题目", "More prompts"),
    "stored": (
        "我们会保存问题、回答、您的选择和备注、用时，以及本浏览器的一个随机编号；不保存姓名、账号和网络地址。投票可能会公开发布。",
        "We store the prompt, both answers, your vote, comment, time taken and a random browser ID. No name, account "
        "or IP address. Votes may be published.",
    ),
    "see_results": ("查看结果", "See the results"),
    # ---- panes
    "side_a": ("左", "Left"),
    "side_b": ("右", "Right"),
    "your_choice": ("你的选择", "Your choice"),
    "copied": ("已复制", "Copied"),
    "unread_a": ("看过左边的回答才能投票", "Read the left answer to vote"),
    "unread_b": ("看过右边的回答才能投票", "Read the right answer to vote"),
    "seconds": ("{seconds} 秒", "{seconds} s"),
    # ---- the vote
    "vote_model_a": ("左边更好", "Left is better"),
    "vote_model_b": ("右边更好", "Right is better"),
    "vote_tie": ("不分上下", "Tie"),
    "vote_tie (bothbad)": ("都不好", "Both are bad"),
    "vote_named": ("{model} 更好", "{model} is better"),
    "vote_open": ("两个回答都已完成。哪个更好？", "Both answers are in. Which is better?"),
    "vote_not": ("有一个回答没有完成，本轮不投票。", "One answer did not finish, so there is no vote this round."),
    "saved_model": ("已投票。你选择了 {model}。", "Vote saved. You chose {model}."),
    "saved_tie": ("已投票：不分上下。", "Vote saved: tie."),
    "saved_tie (bothbad)": ("已投票：都不好。", "Vote saved: both are bad."),
    "receipt": ("回执 {id}，撤回码 {code}", "Receipt {id}, withdrawal code {code}"),
    "vote_line": ("已保存：{choice}（{a} 对 {b}，回执 {id}）", "Vote saved: {choice} ({a} vs {b}, receipt {id})"),
    "open_details": ("补充评价", "Add details"),
    "new_battle": ("下一场", "New battle"),
    "change_vote": ("点另一项可以改票，直到提出下一个问题。", "Choose again to change it, until the next question."),
    "continue": ("继续写完", "Continue"),
    "edit_question": ("修改问题", "Edit question"),
    "edit_cancel": ("取消修改", "Cancel editing"),
    "edit_hint": (
        "正在修改上一个问题；发送后，这一轮的回答会被替换。",
        "Editing the last question. Sending it replaces the answers of this round.",
    ),
    # ---- the composer
    "open_settings": ("生成设置", "Settings"),
    "open_save": ("保存对话", "Save"),
    "save_markdown": ("Markdown 文件", "As Markdown"),
    "save_json": ("JSON 文件", "As JSON"),
    "scroll_together": ("同步滚动", "Scroll together"),
    "hint_ask": ("向两个模型提问……（Shift+Enter 换行）", "Ask both models… (Shift+Enter for a new line)"),
    "hint_follow_up": ("继续追问……（Shift+Enter 换行）", "Ask a follow-up… (Shift+Enter for a new line)"),
    "hint_run": ("两个模型正在回答……", "Both models are answering…"),
    "hint_vote": ("继续追问……（或按 1–4 投票）", "Ask a follow-up… (or press 1–4 to vote)"),
    "hint_next": ("提出下一个问题，或按 Enter 开始下一场", "Ask the next question, or press Enter for a new battle"),
}
