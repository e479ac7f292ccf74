"""Actions of a user on the page."""

from __future__ import annotations

from playwright.sync_api import Page

from ui.texts import text

# No hand is quicker than this, in milliseconds. The page puts its parts up one after the other, and what is typed into
# one in the very moment in which it appears, gradio throws away.
HAND = 500


def go(page: Page, tab: str) -> None:
    """To a tab, which on a phone may be behind the menu."""
    button = page.locator(f"#tab_{tab}-button")
    if not button.count():
        words = text("zh" if page.evaluate("navigator.language").startswith("zh") else "en", f"tab_{tab}")
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown").get_by_text(words, exact=True).click()
    else:
        button.click()
    page.wait_for_timeout(HAND)


def show_token(page: Page, door: str, token: str) -> None:
    """Type the admin's token at the door of the tab that is open, and enter."""
    page.fill(f"#{door}_token input", token)
    page.click(f"#{door}_enter")
