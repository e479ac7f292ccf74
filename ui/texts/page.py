"""The frame of the page and the tabs Chat, Batch, Report and About."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    # ---- every page, chat settings, About
    "title": ("Qwen × ChatGLM 对比", "Qwen × ChatGLM, side by side"),
    "other_language": ("English", "中文"),
    "tab_chat": ("对话", "Chat"),
    "tab_results": ("结果", "Results"),
    "tab_about": ("关于", "About"),
    "stand_in": (
        "当前运行的是**演示模型**（{models}），不是 Qwen-7B-Chat 和 ChatGLM3-6B；投票只记在演示模型名下。"
        "要对比真正的两个模型：先用 `python app.py fetch qwen-7b-chat chatglm3-6b` 下载，再用 `python app.py --a "
        "qwen-7b-chat --b chatglm3-6b` 启动；内存不够时可改用 GGUF 文件，步骤见 README。",
        "**Demo models** ({models}) are running, not Qwen-7B-Chat and ChatGLM3-6B; votes count for the demo "
        "models. To compare the real two, run `python app.py fetch qwen-7b-chat chatglm3-6b`, then `python app.py "
        "--a qwen-7b-chat --b chatglm3-6b`. If memory is short, use GGUF files; see the README.",
    ),
    "scripted": (
        "**演示脚本**：{models} 只是按脚本回放文字，没有运行任何模型。",
        "**Scripted**: {models} replays text from a script; no model is running.",
    ),
    "picker": ("题目", "Prompts"),
    "picker_info": ("选一道题，会填入输入框", "Choose a prompt, then edit it if you like"),
    "own_prompt": ("（自己写）", "Write your own"),
    "input": ("问题", "Your prompt"),
    "input_placeholder": (
        "输入问题，按 Enter 发送，Shift+Enter 换行",
        "Ask both models... (Shift+Enter for a new line)",
    ),
    "send": ("发送", "Send"),
    "stop": ("停止", "Stop"),
    "stop_all": ("全部停止", "Stop all"),
    "regenerate": ("重新生成", "Regenerate"),
    "copy": ("复制", "Copy"),
    "new_chat": ("新对话", "New chat"),
    "left": ("**左：{name}**", "**Left: {name}**"),
    "right": ("**右：{name}**", "**Right: {name}**"),
    "empty_pane": ("回答会显示在这里", "The answer will appear here"),
    "settings": ("生成设置", "Settings"),
    "settings_note": (
        "留空的项使用各模型自己的默认值。{pinned}",
        "Leave a field empty to use the model's default. {pinned}",
    ),
    "pinned": ("{model} 的 {names} 是固定的。", "{model} has a fixed {names}."),
    "model_default": ("模型默认", "model default"),
    "temperature": ("温度（temperature）", "Temperature"),
    "top_p": ("核采样（top_p）", "Top-p"),
    "max_new_tokens": ("最多生成的 token 数", "Max new tokens"),
    "seed": ("随机种子", "Seed"),
    "system": ("系统提示词", "System prompt"),
    "thinking": ("思考过程", "Reasoning"),
    "about_what": (
        "本页让两个开源对话模型在没有显卡的机器上回答同一个问题，由人来评判。",
        "Two open chat models answer the same prompt on a machine without a GPU; people vote for the better answer.",
    ),
    "about_running": ("正在运行的模型", "Running models"),
    "backup_none": (
        "这里的磁盘在重启后会清空，**有 {count} 张票还没有备份**：请在“结果”页下载 CSV。",
        "**Not backed up: {count} votes.** This host clears its disk when it restarts; download the CSV in the "
        "Results tab.",
    ),
    "backup_behind": ("**有 {count} 张票还没有备份**：{problem}", "**Not backed up yet: {count} votes.** {problem}"),
    "backup_going": (
        "投票备份到 {place}：上次备份 {time}，还有 {count} 张票待备份。",
        "Votes are backed up to {place}. Last backup: {time}; {count} waiting.",
    ),
    "backup_never": ("尚未成功", "never"),
    "closed_banner": (
        "**这里保存不了投票**：数据目录不可写，投的票都会被拒绝。",
        "**Votes cannot be saved**: the data folder is not writable, so every vote is refused.",
    ),
    "nothing_banner": (
        "这里没有模型，也没有录好的回答可以评判：请用 `ARENA_ANSWERS` 指定回答文件或数据集，或用 `ARENA_MODEL_A` "
        "和 `ARENA_MODEL_B` 指定模型。",
        "No models and no recorded answers are set up here. Name a file or dataset of answers in `ARENA_ANSWERS`, "
        "or models in `ARENA_MODEL_A` and `ARENA_MODEL_B`.",
    ),
    "about_known": ("还可以运行的模型", "Other supported models"),
    "about_how": (
        "先用 python app.py fetch 加模型编号下载，再用 --a 和 --b 选择；也可以直接给出模型文件夹或 GGUF 文件。",
        "Download one with python app.py fetch and its ID, then choose it with --a or --b. A checkpoint folder or "
        "a GGUF file works too.",
    ),
    "about_licences": (
        "模型权重的使用受各自的许可证约束，使用前请先阅读。",
        "Each model's weights have their own licence. Read it before you use them.",
    ),
    "about_model": ("模型", "Model"),
    "about_id": ("编号", "ID"),
    "about_runs_as": ("运行方式", "Runtime"),
    "about_context": ("上下文长度", "Context"),
    "about_tokens": ("{tokens} 个 token", "{tokens} tokens"),
    "about_revision": ("版本", "Revision"),
    "about_licence": ("许可证", "Licence"),
    "about_unknown": ("未知", "unknown"),
    # ---- chat and voting
    # status lines
    "idle": ("就绪", "Ready"),
    "load_wait": ("正在加载模型… {seconds} 秒", "Loading the model… {seconds} s"),
    "load_failed_state": ("加载失败：{reason}（再次发送会重试）", "Loading failed: {reason} (send again to retry)"),
    "waiting": ("等待中…", "Waiting…"),
    "queued": ("排队中，前面还有 {ahead} 个", "Queued, {ahead} ahead"),
    "queued_time": ("排队中，前面还有 {ahead} 个，约 {seconds} 秒", "Queued, {ahead} ahead, about {seconds} s"),
    "reading": ("正在读题…", "Reading the prompt…"),
    "reading_part": ("正在读题… {done}/{total} token", "Reading the prompt… {done}/{total} tokens"),
    "generating": ("生成中", "Answering"),
    "done": ("完成", "Done"),
    "cut": ("达到 {tokens} 个 token 的上限，已停止", "Stopped at the {tokens}-token limit"),
    "thinking_cut": ("思考时用完了 token，没有给出回答", "Ran out of tokens while thinking; no answer"),
    "stopped": ("已停止", "Stopped"),
    "empty_answer": ("模型没有给出任何内容", "The answer is empty"),
    "failed": ("出错：{reason}", "Error: {reason}"),
    "first_token": ("首字 {seconds} 秒", "first token after {seconds} s"),
    "speed": ("{speed} token/秒", "{speed} tokens/s"),
    "length": ("{tokens} token", "{tokens} tokens"),
    "dropped": ("对话超出上下文长度，最早的 {count} 轮没有带上", "Context full, earliest turns left out: {count}"),
    # voting
    "vote": ("哪个回答更好？", "Which answer is better?"),
    "vote_info": ("按键 1–4 选择，Enter 提交", "Press 1-4 to choose, Enter to vote"),
    "vote_model_a": ("👈 左边更好", "👈 Left is better"),
    "vote_model_b": ("右边更好 👉", "Right is better 👉"),
    "vote_tie": ("🤝 不分上下", "🤝 Tie"),
    "vote_tie (bothbad)": ("👎 都不好", "👎 Both are bad"),
    "submit": ("提交投票", "Vote"),
    "vote_wait": ("两边都答完之后才能投票", "You can vote once both have finished"),
    "vote_open": ("两边都答完了，请投票", "Both answers are in. Which is better?"),
    "vote_not": ("这一轮有一边没有正常答完，不能投票", "One answer did not finish, so there is no vote this round"),
    "vote_choose": ("请先选择一项", "Choose an option first"),
    "receipt": ("✅ 已保存：{choice}（{a} 对 {b}，回执 {id}）", "✅ Vote saved: {choice} ({a} vs {b}, receipt {id})"),
    # ---- batch and report
    "tab_batch": ("批量", "Batch"),
    "batch_intro": (
        "批量提问会长时间占用这台机器，需要管理口令。",
        "Batches take a while; enter the admin token to start one.",
    ),
    "batch_what": (
        "把题库里的每道题都问一遍两个模型，先问完一个再问另一个；每个回答一完成就保存。可以随时暂停或停止，"
        "再次开始时从断点继续，已有的回答不会重问。",
        "Runs every prompt through both models, one model at a time, and saves each answer. You can pause or stop "
        "at any time; the next start resumes and repeats nothing.",
    ),
    "batch_repeats": ("每题问几次", "Runs per prompt"),
    "batch_seed": ("随机种子", "Seed"),
    "batch_retry": ("重问失败的题", "Retry failed prompts"),
    "batch_start": ("开始或继续", "Start / Resume"),
    "batch_pause": ("答完这题后暂停", "Pause after this answer"),
    "batch_stop": ("立即停止", "Stop now"),
    "batch_done": ("已完成 {done} / {total}", "{done} of {total} done"),
    "batch_failures": ("失败 {count}", "{count} failed"),
    "batch_running": ("进行中", "running"),
    "batch_ending": ("正在停下", "stopping"),
    "batch_left": ("还需约 {time}", "about {time} left"),
    "batch_prompt": ("题目", "Prompt"),
    "batch_repeat": ("{title}（第 {number} 次）", "{title} (run {number})"),
    "cell_waiting": ("未问", "not run"),
    "cell_running": ("作答中", "answering"),
    "cell_done": ("完成", "done"),
    "cell_failed": ("失败", "failed"),
    "tab_report": ("报告", "Report"),
    "report_what": (
        "用两个模型的回答、投票和用时生成一份报告；内容只有统计数字、公开的模型信息和评价者的原话。",
        "Creates a report from answers, votes and timings. It contains only counts, published facts about the "
        "models, and quotes.",
    ),
    "report_fields": ("封面和说明（可不填）", "Cover and notes (optional)"),
    "report_title": ("标题", "Title"),
    "report_university": ("学校", "University"),
    "report_school": ("学院", "School"),
    "report_major": ("专业", "Major"),
    "report_course": ("课程", "Course"),
    "report_author": ("姓名", "Author"),
    "report_student_number": ("学号", "Student number"),
    "report_teacher": ("指导教师", "Teacher"),
    "report_date": ("日期", "Date"),
    "report_machine": (
        "导入的回答所用的机器（报告中注明由作者填写）",
        "Machine used for imported answers (shown as stated by the author)",
    ),
    "report_links": ("公开链接，每行一个", "Links, one per line"),
    "report_look": ("预览图表", "Preview charts"),
    "report_html": ("下载 HTML", "Download HTML"),
    "report_docx": ("下载 Word", "Download Word"),
    "report_md": ("下载 Markdown", "Download Markdown"),
    "report_no_plots": ("还没有可以画图的投票或用时", "No votes or timings to chart yet"),
}
