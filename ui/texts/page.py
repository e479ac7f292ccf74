"""What stands on every page, and the About tab. Knows no component."""

from __future__ import annotations

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
    "backup_none": (
        "这里的磁盘在重启后会清空，**有 {count} 张票还没有备份**：请在“结果”页下载 CSV。",
        "This host's disk is emptied when it restarts: **{count} votes are not backed up**. Download the CSV in the "
        "Results tab.",
    ),
    "backup_behind": (
        "**有 {count} 张票还没有备份**：{problem}",
        "**{count} votes are not backed up yet**: {problem}",
    ),
    "backup_going": (
        "投票备份到 {place}：上次备份 {time}，还有 {count} 张票待备份。",
        "Votes are copied to {place}, last at {time}; {count} are waiting.",
    ),
    "backup_never": ("尚未成功", "never yet"),
    "between_names": ("、", ", "),
    "closed_banner": (
        "**这里保存不了投票**：数据目录不可写，投的票都会被拒绝。",
        "**Votes cannot be kept here**: the data folder cannot be written, and every vote is refused.",
    ),
    "nothing_banner": (
        "这里没有模型，也没有录好的回答可以评判：请用 `ARENA_ANSWERS` 指定回答文件或数据集，"
        "或用 `ARENA_MODEL_A` 和 `ARENA_MODEL_B` 指定模型。",
        "There are no models here and no recorded answers to judge: name a file of answers or a dataset in "
        "`ARENA_ANSWERS`, or models in `ARENA_MODEL_A` and `ARENA_MODEL_B`.",
    ),
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
}
