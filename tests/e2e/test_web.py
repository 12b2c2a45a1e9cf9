#!/usr/bin/python3
"""A person with a web browser: Converse.js, as deploy/web installs it, in a real Chromium without a
window. It logs in over the WebSocket, accepts an invitation, chats with a person at another daemon;
and web pages of others get nothing from the daemon.

With $TACET_PICTURE a picture of the chat is written to that file."""

import asyncio
import http.server
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

from lib import Client, Daemon, free_port, main, say, wait_until

PATIENCE_S = 60
# How long a page may try before what it did not get counts as refused.
TRIES_S = 8
TOP = pathlib.Path(__file__).resolve().parent.parent.parent

# What a page of someone else might try; what came of each goes into its title.
EVIL = """<!DOCTYPE html><title>0</title><script>
const at = "localhost:%d", got = [];
const note = (what) => { got.push(what); document.title = got.sort().join(" "); };
const socket = new WebSocket(`ws://${at}/xmpp-websocket`, "xmpp");
socket.onopen = () => note("socket:open"); socket.onerror = () => note("socket:refused");
fetch(`http://${at}/.well-known/host-meta.json`).then(() => note("fetch:read"), () => note("fetch:refused"));
fetch(`http://${at}/`, {mode: "no-cors"}).then(() => note("blind:answered"), () => note("blind:refused"));
for (const [name, tag, url] of [["script", "script", "/start.js"], ["picture", "img", "/dist/images/favicon.ico"]]) {
	const element = document.createElement(tag);
	element.onload = () => note(name + ":loaded");
	element.onerror = () => note(name + ":refused");
	element.src = `http://${at}${url}`;
	document.head.append(element);
}
</script>"""
REFUSED = ["blind:refused", "fetch:refused", "picture:refused", "script:refused", "socket:refused"]


def skip(why):
    print(why)
    sys.exit(77)


class Elsewhere(http.server.ThreadingHTTPServer):
    """A web server of someone else on this machine, that notes what it is asked for."""

    def __init__(self, target):
        elsewhere = self
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                elsewhere.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write((EVIL % target).encode())

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Browser:
    """Chromium, driven by Selenium."""

    def __init__(self):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        self.profile = tempfile.mkdtemp(prefix="tacet-browser-", dir="/tmp")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en",
                     "--disable-background-networking", "--window-size=1000,720", f"--user-data-dir={self.profile}",
                     # A name of someone else that was made to point here.
                     "--host-resolver-rules=MAP rebound.example 127.0.0.1"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)

    def end(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def find(self, selector, text=None):
        """The first visible element, with that text in it."""
        from selenium.common.exceptions import StaleElementReferenceException
        try:
            for element in self.driver.find_elements("css selector", selector):
                if element.is_displayed() and (text is None or text in element.text):
                    return element
        except StaleElementReferenceException:
            pass
        return None

    def wait(self, selector, text=None, limit=PATIENCE_S):
        try:
            wait_until(f"the browser shows {selector} {text or ''}", lambda: self.find(selector, text), limit)
        except AssertionError as failure:
            body = self.driver.find_element("tag name", "body").text[:2000]
            raise AssertionError(f"{failure}\n{body}\n{self.driver.get_log('browser')[-5:]}") from None
        return self.find(selector, text)

    def click(self, selector, text=None):
        element = self.wait(selector, text)
        self.driver.execute_script("arguments[0].click()", element)

    def fill(self, selector, text):
        element = self.wait(selector)
        element.clear()
        element.send_keys(text)

    def log_in(self, port, user, password):
        self.driver.get(f"http://localhost:{port}/")
        self.fill("converse-login-form input[name=jid]", user)
        self.fill("converse-login-form input[name=password]", password)
        self.click("converse-login-form [type=submit]")
        self.wait("converse-user-profile", user)

    def introduce(self, link):
        """The command of the daemon, by the client's own menu."""
        self.click("converse-user-profile .show-client-info, converse-user-profile [title*=ettings]")
        self.click("#commands-tab")
        self.fill("converse-adhoc-commands input[name=jid]", "localhost")
        self.click("converse-adhoc-commands input[type=submit]")
        self.click("converse-adhoc-commands [data-command-node=introduce]")
        self.fill("converse-adhoc-commands input[name=link]", link)
        self.fill("converse-adhoc-commands input[name=as]", "Alice")
        self.fill("converse-adhoc-commands input[name=name]", "Bob")
        self.click("converse-adhoc-commands input[data-action=complete], "
                   "converse-adhoc-commands input[data-action=execute]")
        self.wait("converse-adhoc-commands .alert")
        self.click("converse-user-settings-modal [data-bs-dismiss=modal]")

    def write(self, text):
        from selenium.webdriver.common.keys import Keys
        self.wait("textarea.chat-textarea").send_keys(text + Keys.ENTER)

    def title_after(self, url, words):
        """The title of a page once it has so many words, or after a while."""
        self.driver.get(url)
        try:
            wait_until("the page has tried", lambda: len(self.driver.title.split()) >= words, TRIES_S)
        except AssertionError:
            pass
        return self.driver.title.split()


async def chat(browser, daemon, port, bob, ids):
    def in_thread(function, *words):
        return asyncio.to_thread(function, *words)

    await in_thread(browser.log_in, port, "alice", "secret")
    say("the browser has logged in")
    link = bob.daemon.ctl("invite", "--name", "Bob")["link"]
    await asyncio.sleep(5)
    await in_thread(browser.introduce, link)
    took = await bob.until("sees alice", lambda: bob.sees(ids["alice"]))
    say(f"invited, accepted, linked after {took:.1f} s")
    await in_thread(browser.click, "converse-roster-contact a, converse-rosterview .open-chat", "Bob")
    await in_thread(browser.write, "Hello from a browser \N{SNOWMAN} <b>&amp;")
    await bob.until("is told", lambda: bob.messages)
    assert bob.messages == [(f"{ids['alice']}@localhost", "Hello from a browser \N{SNOWMAN} <b>&amp;")]
    bob.say_to(ids["alice"], "Hello Alice! I see you, and nobody else does.")
    await in_thread(browser.wait, "converse-chat-message, .chat-msg", "and nobody else does")
    if "TACET_PICTURE" in os.environ:
        await asyncio.sleep(2)
        browser.driver.save_screenshot(os.environ["TACET_PICTURE"])
    say("a message each way")


async def a_picture_is_not_fetched(browser, bob, ids, elsewhere):
    """It would tell the sender where alice is."""
    before = len(elsewhere.asked)
    bob.say_to(ids["alice"], f"http://127.0.0.1:{elsewhere.port}/trap.png")
    await asyncio.to_thread(browser.wait, "converse-chat-message, .chat-msg", "trap.png")
    await asyncio.sleep(3)
    assert len(elsewhere.asked) == before, elsewhere.asked
    # Not even if the client wanted to.
    browser.driver.execute_script("new Image().src = arguments[0]; fetch(arguments[0]).catch(() => 0)",
                                  f"http://127.0.0.1:{elsewhere.port}/trap.png")
    await asyncio.sleep(2)
    assert len(elsewhere.asked) == before, elsewhere.asked


def our_own_gets_it(browser, port):
    """What others are refused, the page of the daemon may do."""
    browser.driver.get(f"http://localhost:{port}/")
    got = browser.driver.execute_async_script("""const done = arguments[0];
        fetch("/.well-known/host-meta.json").then((a) => a.json()).then((a) => {
            const socket = new WebSocket(a.links[0].href, "xmpp");
            socket.onopen = () => done("open"); socket.onerror = () => done("refused");
        }, done);""")
    assert got == "open", got


def others_get_nothing(browser, port, elsewhere):
    for url in (f"http://localhost:{elsewhere.port}/", f"http://127.0.0.1:{elsewhere.port}/",
                f"http://rebound.example:{elsewhere.port}/"):
        got = browser.title_after(url, len(REFUSED))
        assert got == REFUSED, (url, got)
    browser.driver.get(f"http://rebound.example:{port}/")
    assert "403" in browser.driver.find_element("tag name", "body").text
    say("pages of others get nothing")


async def a_browser_and_others(directory):
    port = free_port()
    daemons = {"alice": Daemon("alice", http_port=port, web_directory=directory), "bob": Daemon("bob")}
    ids = {}
    for name, daemon in daemons.items():
        daemon.start()
        ids[name] = daemon.account(name)
    for name, daemon in daemons.items():
        wait_until(f"{name} can be reached", lambda d=daemon: all(a["published"] for a in d.ctl("status")["accounts"]))
    bob = await Client(daemons["bob"], "bob").login()
    elsewhere = Elsewhere(port)
    browser = Browser()
    try:
        await chat(browser, daemons["alice"], port, bob, ids)
        await a_picture_is_not_fetched(browser, bob, ids, elsewhere)
        await asyncio.to_thread(our_own_gets_it, browser, port)
        await asyncio.to_thread(others_get_nothing, browser, port, elsewhere)
    finally:
        browser.end()
        elsewhere.shutdown()
    await bob.logout()
    for daemon in daemons.values():
        daemon.stop()
        daemon.remove()


def a_web_browser():
    for program in ("chromium", "chromedriver", "npm"):
        if not shutil.which(program):
            skip(f"no {program}: install the group web of deploy/packages")
    try:
        import selenium  # noqa: F401
    except ImportError:
        skip("no selenium: install the group web of deploy/packages")
    with tempfile.TemporaryDirectory(prefix="tacet-web-", dir="/tmp") as directory:
        subprocess.run([str(TOP / "deploy/web"), directory], check=True, stdout=subprocess.DEVNULL)
        asyncio.run(asyncio.wait_for(a_browser_and_others(directory), 300))


if __name__ == "__main__":
    main(a_web_browser)
