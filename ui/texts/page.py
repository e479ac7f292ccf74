"""The frame of the page and the tabs Chat, Batch, Report and About."""

TEXTS: dict[str, tuple[str, str]] = {
    "command_error": ("错误：{line}", "Error: {line}"),
    # key: (Chinese, English)
    # ---- every page, chat settings, About
    "other_language": ("English", "中文"),
    "theme": ("浅色或深色", "Light or dark"),
    "tab_results": ("结果", "Results"),
    "tab_about": ("关于", "About"),
    "stand_in": (
        "当前运行的是**演示模型**（{models}），不是 Qwen-7B-Chat 和 ChatGLM3-6B；演示模型只会英文，投票只记在它们名下。"
        "[如何运行真正的两个模型](#about)",
        "**Demo models** ({models}) are running, not Qwen-7B-Chat and ChatGLM3-6B. They speak English only, and votes "
        "count for them. [How to run the real pair](#about)",
    ),
    "scripted": (
        "**演示脚本**：{models} 只是按脚本回放文字，没有运行任何模型。",
        "**Scripted**: {models} replays text from a script; no model is running.",
    ),
    "input": ("问题", "Your prompt"),
    "send": ("发送", "Send"),
    "stop": ("停止", "Stop"),
    "stop_all": ("全部停止", "Stop all"),
    "regenerate": ("重新生成", "Regenerate"),
    "copy": ("复制", "Copy"),
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
        "先用 python app.py fetch 加模型编号下载，再用 --a 和 --b 选择，例如 python app.py fetch qwen-7b-chat@int4 "
        "chatglm3-6b@int4，然后 python app.py --a qwen-7b-chat@int4 --b chatglm3-6b@int4；"
        "也可以直接给出模型文件夹或 GGUF 文件。",
        "Download one with python app.py fetch and its ID, then choose it with --a or --b. For example: python app.py "
        "fetch qwen-7b-chat@int4 chatglm3-6b@int4, then python app.py --a qwen-7b-chat@int4 --b chatglm3-6b@int4. A "
        "checkpoint folder or a GGUF file works too.",
    ),
    "about_licences": (
        "模型权重的使用受各自的许可证约束，使用前请先阅读。",
        "Each model's weights have their own licence. Read it before you use them.",
    ),
    "about_runs_as": ("运行方式", "Runtime"),
    "about_context": ("上下文长度", "Context"),
    "about_tokens": ("{tokens} 个 token", "{tokens} tokens"),
    "about_unknown": ("未知", "unknown"),
    "host_title": ("主持人入口", "For the host"),
    "host_token": ("管理口令", "Admin token"),
    "host_enter": ("登录", "Sign in"),
    "host_leave": ("退出登录", "Sign out"),
    "host_asks": (
        "用管理口令登录后，会出现这些标签页：{tabs}。",
        "Sign in with the admin token to open these tabs: {tabs}.",
    ),
    "host_in": ("已登录，可以使用这些标签页：{tabs}。", "You are signed in. These tabs are open: {tabs}."),
    "host_here": (
        "您就在这台机器上，而且没有设置管理口令，所以不用登录就可以使用这些标签页：{tabs}。",
        "You are at this machine and no admin token is set, so these tabs are open: {tabs}.",
    ),
    "host_closed": (
        "没有设置管理口令：请设置 ARENA_ADMIN_TOKEN 后重新启动，才能从别的机器使用这些标签页：{tabs}。",
        "No admin token is set. Set ARENA_ADMIN_TOKEN and restart to use these tabs from elsewhere: {tabs}.",
    ),
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
    "speed": ("{speed} token/秒", "{speed} tokens/s"),
    "length": ("{tokens} token", "{tokens} tokens"),
    "dropped": ("对话超出上下文长度，最早的 {count} 轮没有带上", "Context full, earliest turns left out: {count}"),
    # ---- batch and report
    "tab_batch": ("批量", "Batch"),
    "batch_what": (
        "把题库里的每道题都问一遍两个模型，先问完一个再问另一个；每个回答一完成就保存。可以随时暂停或停止，"
        "再次开始时从断点继续，已有的回答不会重问。",
        "Runs every prompt through both models, one model at a time, and saves each answer. You can pause or stop "
        "at any time; the next start resumes and repeats nothing.",
    ),
    "batch_repeats": ("每题问几次", "Runs per prompt"),
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
