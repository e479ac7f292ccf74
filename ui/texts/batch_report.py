"""The batch tab and the report tab. Knows no component."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    "tab_batch": ("批量", "Batch"),
    "batch_intro": (
        "批量提问会长时间占用这台机器，需要管理口令。",
        "A batch keeps this machine busy for long: it needs the admin's token.",
    ),
    "batch_what": (
        "把题库里的每道题都问一遍两个模型，先问完一个再问另一个；每个回答一完成就保存。"
        "可以随时暂停或停止，再次开始时从断点继续，已有的回答不会重问。",
        "Asks both models every prompt of the set, all of one model first, and keeps each answer as it ends. Pause or "
        "stop whenever you like: the next start goes on from there and asks nothing twice.",
    ),
    "batch_repeats": ("每题问几次", "Times each prompt is asked"),
    "batch_seed": ("随机种子", "Seed"),
    "batch_retry": ("重问失败的题", "Ask again what failed"),
    "batch_start": ("开始或继续", "Start or go on"),
    "batch_pause": ("答完这题后暂停", "Pause after this answer"),
    "batch_stop": ("立即停止", "Stop now"),
    "batch_done": ("已完成 {done} / {total}", "Done: {done} of {total}"),
    "batch_failures": ("失败 {count}", "failed: {count}"),
    "batch_running": ("进行中", "running"),
    "batch_ending": ("正在停下", "coming to an end"),
    "batch_left": ("还需约 {time}", "about {time} left"),
    "batch_prompt": ("题目", "Prompt"),
    "batch_repeat": ("{title}（第 {number} 次）", "{title} (run {number})"),
    "cell_waiting": ("未问", "not asked"),
    "cell_running": ("作答中", "answering"),
    "cell_done": ("完成", "done"),
    "cell_failed": ("失败", "failed"),
    "tab_report": ("报告", "Report"),
    "report_what": (
        "用两个模型的回答、投票和用时生成一份报告；内容只有统计数字、公开的模型信息和评价者的原话。",
        "Creates a report from answers, votes and timings. It contains only counts, published facts about the models, "
        "and quotes.",
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
    "report_no_plots": ("还没有可以画图的投票或用时", "No votes or times to draw yet"),
}
