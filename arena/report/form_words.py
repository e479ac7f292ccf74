"""The words of a report's form: cover, contents, captions, models' facts and references."""

from __future__ import annotations

FORM_WORDS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    # ---- cover
    "university": ("学校", "University"),
    "school": ("学院", "School"),
    "major": ("专业", "Major"),
    "course": ("课程", "Course"),
    "author": ("姓名", "Author"),
    "student_number": ("学号", "Student number"),
    "teacher": ("指导教师", "Teacher"),
    "date": ("日期", "Date"),
    "cover_line": ("{name}：{value}", "{name}: {value}"),
    # ---- contents and captions
    "contents": ("目录", "Contents"),
    "figure": ("图", "Figure"),
    "table": ("表", "Table"),
    "caption": ("　{text}", ". {text}"),
    "votes_table": ("各维度的投票", "Votes by dimension"),
    # ---- machine
    "machine_of": ("{models} 的运行环境", "The machine that ran {models}"),
    "machine_unknown_of": ("{models} 的回答没有记录运行环境。", "The machine that ran {models} is not recorded."),
    "machine_stated": ("作者填写的运行环境：{machine}", "The machine, as stated by the author: {machine}"),
    # ---- facts of the models
    "models_facts": ("两个模型的基本信息", "Facts about the two models"),
    "developer": ("开发者", "Developer"),
    "architecture": ("架构", "Architecture"),
    "million": ("约 {amount} 亿", "about {amount} million"),
    "billion": ("约 {amount} 亿", "about {amount} billion"),
    "training_data": ("训练数据", "Training data"),
    "languages": ("语言", "Languages"),
    "released": ("发布日期", "Released"),
    "updated": ("{released}（{updated} 更新）", "{released} (updated {updated})"),
    "repository": ("代码仓库", "Source repository"),
    "not_published": ("未公布", "not published"),
    "sources": ("来源", "Sources"),
    "run_settings": ("本次运行的设置", "How the models were run here"),
    "costs_table": ("两个模型的用时、速度与内存", "Time, speed and memory of the two models"),
    # ---- references
    "references": ("参考文献", "References"),
    "card_cited": ("{developer}：{model} 模型卡片。", "{developer}. {model}: model card."),
}
