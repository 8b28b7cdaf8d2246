"""The page at /api/docs in a real browser: log in there, authorize, call the interface, see the answer; nothing comes from elsewhere."""

from collections.abc import AsyncIterator

import orjson
import pytest
from playwright.async_api import Locator, Page, expect

from runtime.servers.errors import ServerMissing
from tests.bank import ROOT_NAME, ROOT_PASSWORD, Bank
from tests.edge.browser import browser

expect.set_options(timeout=20_000)  # milliseconds; the page draws thousands of nodes, on a machine that has other things to do


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

    async def opened(self, tag: str, operation: str) -> Locator:
        """An operation, unfolded."""
        await self.page.locator(f"#operations-tag-{tag}").click()
        found = self.page.locator(f"#operations-{tag}-{operation}")
        await found.locator(".opblock-summary-control").click()
        return found

    async def executed(self, operation: Locator) -> str:
        """What is answered now; an answer from before is put away first."""
        answer = operation.locator(".live-responses-table .response")
        if await answer.count():
            await operation.get_by_role("button", name="Clear", exact=True).click()
            await expect(answer).to_have_count(0)
        await operation.get_by_role("button", name="Execute").click()
        await expect(answer).to_be_visible()
        return str(await answer.inner_text())

    async def logs_in(self) -> str:
        """By what the page shows of it, with another name; the token."""
        login = await self.opened("auth", "login")
        await login.locator("textarea").fill(orjson.dumps({"username": ROOT_NAME, "password": ROOT_PASSWORD}).decode())
        return told(await self.executed(login), "access_token")

    async def authorizes(self, way: str, secret: str = "") -> None:
        """Gives a token or a key; nothing: takes it back."""
        await self.page.locator(".scheme-container").get_by_role("button", name="Authorize").click()
        box = self.page.locator(".dialog-ux .auth-container").filter(has_text=way).last
        if secret:
            await box.locator("input").fill(secret)
            await box.get_by_role("button", name="Apply credentials").click()
        else:
            await box.get_by_role("button", name="Remove authorization").click()
        await box.get_by_role("button", name="Close", exact=True).click()


def told(answered: str, name: str) -> str:
    """A field of an answer as the page shows it."""
    return answered.split(f'"{name}": "')[1].split('"', maxsplit=1)[0]


@pytest.fixture
async def watched(bank: Bank) -> AsyncIterator[Watched]:
    try:
        async with browser() as running:
            page = await running.new_page()
            origin = bank.house.edge.url
            found = Watched(page, origin)
            await page.goto(f"{origin}/api/docs")
            await expect(page.locator("#operations-tag-auth")).to_be_visible()
            yield found
    except ServerMissing as missing:
        pytest.skip(str(missing))


async def test_from_a_login_to_an_api_key_in_the_page_alone(watched: Watched) -> None:
    token = await watched.logs_in()
    accounts = await watched.opened("accounts", "list_accounts")
    assert "401" in await watched.executed(accounts)
    await watched.authorizes("access_token", token)
    answered = await watched.executed(accounts)
    assert answered.startswith("200")
    assert '"items":' in answered

    making = await watched.opened("api-keys", "make_api_key")
    await making.locator("textarea").fill('{"name": "till", "permissions": ["accounts:read"]}')
    key = told(await watched.executed(making), "key")
    await watched.authorizes("api_key", key)
    assert "either an access token, or one API key" in await watched.executed(accounts)
    await watched.authorizes("access_token")
    async with watched.page.expect_request(lambda request: "/api/v1/accounts" in request.url) as asked:
        assert (await watched.executed(accounts)).startswith("200")
    headers = await (await asked.value).all_headers()
    assert headers["x-api-key"] == key
    assert "authorization" not in headers

    assert not watched.elsewhere
    assert any(url.endswith("/api/docs.json") for url in watched.asked)
    assert [each for each in watched.complaints if "401" not in each] == []


async def test_the_page_fills_in_bodies_and_nothing_that_is_the_readers_to_give(watched: Watched) -> None:
    """A key under which money moves once, or a version that was never read, would make each call but the first a wrong one."""
    hold = await watched.opened("accounts", "place_hold")
    await expect(hold.locator("textarea")).to_contain_text('"amount": "75.00"')
    await expect(hold.locator('[data-param-name="Idempotency-Key"] input')).to_have_value("")
    limits = watched.page.locator("#operations-accounts-change_limits")
    await limits.locator(".opblock-summary-control").click()
    await expect(limits.locator('[data-param-name="If-Match"] input')).to_have_value("")


async def test_the_pages_policy_is_in_force(watched: Watched) -> None:
    page = watched.page
    await page.evaluate(
        "() => { const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s); }"
    )
    assert await page.evaluate("() => window.ran === undefined")
    refused = "() => fetch('http://127.0.0.1:9/').then(() => 'let through', () => 'refused')"
    assert await page.evaluate(refused) == "refused"
    assert any("Content Security Policy" in each for each in watched.complaints)
