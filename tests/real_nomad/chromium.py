"""Headless Chromium over its DevTools: as much of them as testing a page needs."""

import base64
import os
import shutil
import signal
import subprocess
import time

from websocket import Websocket
from wire import Address, wait_for

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Timeout for something on a page. The first page is read and compiled, on any machine.
PATIENCE = 45


class NotSeen(Exception):
    """A page did not show what it must."""


def found():
    """The program that CHROMIUM names, or the first of its usual names, or nothing."""
    asked = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [asked] if asked else NAMES)), None)


class Chromium:
    """A browser with a new profile."""

    def __init__(self, program, folder, port):
        self.at = Address(f"http://127.0.0.1:{port}")
        self.folder = folder
        os.makedirs(folder)
        with open(f"{folder}/chromium.log", "wb") as log:
            # A process group of its own, so that what it started ends with it.
            self.process = subprocess.Popen([program, *self.words(port)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment(), start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def words(self, port):
        # No proxy, no calls home, and no sandbox where root has none.
        return ["--headless=new", f"--remote-debugging-port={port}", f"--remote-allow-origins={self.at.url}",
                f"--user-data-dir={self.folder}/profile", "--no-proxy-server", "--no-first-run", "--disable-gpu",
                "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
                *(["--no-sandbox"] if os.geteuid() == 0 else []), "about:blank"]

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": self.folder, "TMPDIR": self.folder, "LANG": "C.UTF-8"}

    def tab(self, on_each_document=""):
        """A new tab. The script runs in every document before the document's own."""
        return Tab(self, wait_for("Chromium", self.made), on_each_document)

    def made(self):
        if self.process.poll() is not None:
            with open(f"{self.folder}/chromium.log", errors="replace") as log:
                raise SystemExit(f"Chromium ended with {self.process.returncode}: {log.read()[-500:]}")
        return self.at.ask("PUT", "/json/new?about:blank").json()

    def stop(self):
        """Ends it and what it started, which are one process group."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Tab:
    """One tab and its page's requests, which are read with every call on the tab."""

    def __init__(self, browser, made, on_each_document):
        self.browser, self.id = browser, made["id"]
        self.socket = Websocket(browser.at, made["webSocketDebuggerUrl"].split(str(browser.at.port), 1)[1])
        self.socket.socket.settimeout(PATIENCE)
        self.count, self.events = 0, []
        for domain in ("Page", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=on_each_document)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Unlike a navigation this opens no dialog before a shell is left.
        self.browser.at.ask("GET", f"/json/close/{self.id}")
        self.socket.close()

    def call(self, method, **params):
        self.count += 1
        self.socket.send({"id": self.count, "method": method, "params": params})
        while True:
            message = self.socket.message()
            if isinstance(message, tuple):
                raise OSError(f"Chromium closed the tab: {message}")
            if message.get("id") != self.count:
                self.events.append(message)
            elif "error" in message:
                raise OSError(f"{method}: {message['error']}")
            else:
                return message["result"]

    def go(self, url):
        self.call("Page.navigate", url=url)

    def value(self, script):
        """The value of an expression; nothing while it is unavailable."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return None if "exceptionDetails" in answer else answer["result"].get("value")

    def wait(self, what, script, meanwhile=lambda: None):
        """The value of the expression, once it has one."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            meanwhile()
            value = self.value(script)
            if value:
                return value
            time.sleep(0.1)
        raise NotSeen(f"{what}, but {self.text()[-300:]!r}")

    def text(self):
        return self.value("document.body.innerText") or ""

    def type(self, text):
        """Keys on a keyboard, sent to the focused element."""
        for letter in text:
            if letter != "\n":
                self.call("Input.dispatchKeyEvent", type="char", text=letter)
                continue
            enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
            self.call("Input.dispatchKeyEvent", type="keyDown", text="\r", **enter)
            self.call("Input.dispatchKeyEvent", type="keyUp", **enter)

    def picture(self, path):
        with open(path, "wb") as out:
            out.write(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def happened(self, *methods):
        """The parameters of events of these kinds, so far."""
        return [event["params"] for event in self.events if event["method"] in methods]
