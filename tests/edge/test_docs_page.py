"""The page at /api/docs in a real browser: log in there, authorize, call the interface, see the answer; nothing comes from elsewhere."""

from collections.abc import AsyncIterator

import orjson
import pytest
from playwright.async_api import Locator, Page, expect

from runtime.servers.errors import ServerMissing
from tests.bank import ROOT_NAME, ROOT_PASSWORD, Bank
from tests.edge.browser import browser


class Watched:
    """A page, with what it asked for and what it complained of."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.asked: list[str] = []
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self._asked(request.url, origin))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _asked(self, url: str, origin: str) -> None:
        if not url.startswith("data:"):
            (self.asked if url.startswith(f"{origin}/") else self.elsewhere).append(url)

    async def opened(self, operation: str) -> Locator:
        """An operation, unfolded."""
        await self.page.locator(f"#operations-tag-{operation.partition('-')[0]}").click()
        found = self.page.locator(f"#operations-{operation}")
        await found.locator(".opblock-summary-control").click()
        return found

    async def executed(self, operation: Locator) -> str:
        """What is answered."""
        await operation.get_by_role("button", name="Execute").click()
        answer = operation.locator(".live-responses-table .response")
        await expect(answer).to_be_visible()
        return str(await answer.inner_text())


@pytest.fixture
async def watched(bank: Bank) -> AsyncIterator[Watched]:
    try:
        async with browser() as running:
            page = await running.new_page()
            origin = bank.house.edge.url
            found = Watched(page, origin)
            await page.goto(f"{origin}/api/docs")
            await expect(page.locator("#operations-tag-auth")).to_be_visible(timeout=15_000)
            yield found
    except ServerMissing as missing:
        pytest.skip(str(missing))


async def test_logging_in_and_calling_from_the_page(watched: Watched) -> None:
    page = watched.page
    login = await watched.opened("auth-login")
    await login.locator("textarea").fill(orjson.dumps({"username": ROOT_NAME, "password": ROOT_PASSWORD}).decode())
    answered = await watched.executed(login)
    token = answered.split('"access_token": "')[1].split('"')[0]

    accounts = await watched.opened("accounts-list_accounts")
    assert "401" in await watched.executed(accounts)
    await page.locator(".scheme-container").get_by_role("button", name="Authorize").click()
    box = page.locator(".dialog-ux")
    await box.locator("input").first.fill(token)
    await box.get_by_role("button", name="Apply credentials").first.click()
    await box.get_by_role("button", name="Close", exact=True).last.click()
    answered = await watched.executed(accounts)
    assert answered.startswith("200")
    assert '"items":' in answered

    assert not watched.elsewhere
    assert any(url.endswith("/api/docs.json") for url in watched.asked)
    assert [each for each in watched.complaints if "401" not in each] == []


async def test_the_pages_policy_is_in_force(watched: Watched) -> None:
    page = watched.page
    await page.evaluate(
        "() => { const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s); }"
    )
    assert await page.evaluate("() => window.ran === undefined")
    refused = "() => fetch('http://127.0.0.1:9/').then(() => 'let through', () => 'refused')"
    assert await page.evaluate(refused) == "refused"
    assert any("Content Security Policy" in each for each in watched.complaints)
