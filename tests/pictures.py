"""Makes the pictures of the Arena in docs/ from the sixteen recorded answers: python tests/pictures.py CHROMIUM.

Scripted models play the recorded answers back. The line that says so is hidden, since each picture's caption says it,
and so is the speed, which would be the script's.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ANSWERS = ROOT / "samples" / "answers.jsonl"
NAMES = ("Qwen-7B-Chat", "ChatGLM3-6B")
DESKTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 700}
PLAIN = ".banner { display: none !important; } .meta { visibility: hidden; }"


def recorded() -> list[dict[str, str]]:
    """The recorded answers, with prompt, model and response."""
    return [json.loads(line) for line in ANSWERS.read_text(encoding="utf-8").splitlines()]


def scripts(folder: Path) -> Iterator[str]:
    """A script for each of the two models, with its recorded answers in pieces of a few characters."""
    for name in NAMES:
        answers = [
            {"match": entry["prompt"], "steps": [{"text": part, "delay": 0.12} for part in pieces(entry["response"])]}
            for entry in recorded()
            if entry["model"] == name
        ]
        path = folder / f"{name}.json"
        path.write_text(json.dumps({"id": name.lower(), "name": name, "answers": answers}), encoding="utf-8")
        yield f"scripted:{path}"


def pieces(text: str) -> list[str]:
    """The text in tokens of about three characters."""
    return re.findall(r"[\x00-\x7f]{1,5}|[^\x00-\x7f]{1,2}", text)


@contextmanager
def served(*options: str) -> Iterator[str]:
    """The app on loopback with a new data folder: its address."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "app.py", *options, "--port", "7991", "--data-dir", data]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as app:
            url = "http://127.0.0.1:7991"
            while True:
                try:
                    httpx.get(url, trust_env=False).raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.5)
            try:
                yield url
            finally:
                app.terminate()


def opened(browser: Browser, url: str, size: dict[str, int]) -> Page:
    """The page in a new browser window; a phone shows recorded answers with their own figures."""
    page = browser.new_context(viewport=size, locale="en-US", has_touch=size is PHONE).new_page()
    page.goto(url)
    if size is not PHONE:
        page.add_style_tag(content=PLAIN)
    page.wait_for_selector("#phase", state="attached")
    page.wait_for_timeout(500)
    return page


def prompt(number: int) -> str:
    """One of the eight recorded questions."""
    return list(dict.fromkeys(entry["prompt"] for entry in recorded()))[number]


def ask(page: Page, words: str) -> None:
    """Send a question."""
    page.fill("#prompt textarea", words)
    page.press("#prompt textarea", "Enter")


def battle(browser: Browser, url: str) -> None:
    """The pictures blind-before.png and blind-after.png, and arena.gif of all that is between."""
    page = opened(browser, url, DESKTOP)
    frames, waits = [page.screenshot()], [1200]

    def frame(milliseconds: int) -> None:
        frames.append(page.screenshot())
        waits.append(milliseconds)

    page.fill("#prompt textarea", prompt(1))
    frame(900)
    page.press("#prompt textarea", "Enter")
    while page.get_attribute("#phase", "data-phase") in ("empty", "run"):
        frame(400)
        page.wait_for_timeout(300)
    page.wait_for_timeout(600)
    page.screenshot(path=DOCS / "blind-before.png")
    frame(1800)
    page.click("#vote_model_a")
    page.wait_for_selector("[data-phase=voted]", state="attached")
    page.wait_for_timeout(800)
    page.screenshot(path=DOCS / "blind-after.png")
    frame(3500)
    pictures = [Image.open(BytesIO(data)).convert("RGB").resize((854, 480)) for data in frames]
    palette = pictures[-1].quantize(96)
    drawn = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    drawn[0].save(DOCS / "arena.gif", save_all=True, append_images=drawn[1:], duration=waits, loop=0, optimize=True)
    page.context.close()


def named(browser: Browser, url: str) -> None:
    """The picture named.png."""
    page = opened(browser, url, DESKTOP)
    page.locator("#mode input[value=named]").check()
    page.wait_for_selector("#phase[data-mode=named]", state="attached")
    ask(page, prompt(6))
    page.wait_for_selector("[data-phase=vote]", state="attached", timeout=120_000)
    page.wait_for_timeout(800)
    page.screenshot(path=DOCS / "named.png")
    page.context.close()


def phone(browser: Browser, url: str) -> None:
    """The picture phone.png: three moments of a rating on a phone, side by side."""
    page, shots = opened(browser, url, PHONE), []
    page.tap("#judge_begin")
    for action in ("", "#switch [data-show=b]", "#vote_model_b"):
        if action:
            page.tap(action)
        page.wait_for_timeout(1500)
        shots.append(Image.open(BytesIO(page.screenshot())))
    page.context.close()
    canvas, width = Image.new("RGB", tuple(DESKTOP.values()), "#e5e7eb"), PHONE["width"]
    gap = (DESKTOP["width"] - 3 * width) // 4
    for number, shot in enumerate(shots):
        canvas.paste(shot, (gap + number * (width + gap), (DESKTOP["height"] - PHONE["height"]) // 2))
    canvas.save(DOCS / "phone.png", optimize=True)


def main(chromium: str) -> None:
    """Makes all pictures."""
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        a, b = scripts(Path(folder))
        with served("--a", a, "--b", b) as url:
            battle(browser, url)
            named(browser, url)
        with served("--answers", str(ANSWERS)) as url:
            phone(browser, url)


if __name__ == "__main__":
    main(sys.argv[1])
