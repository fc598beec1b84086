"""A browser without a window, driven by the DevTools protocol over a pipe."""

import json
import os
import select
import shutil
import subprocess
import time

#: Names of Chromium on Linux and macOS.
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
)


def find_browser():
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One page; `errors` are what it wrote to its console as such, and exceptions."""

    def __init__(self, folder, *, width=1280, height=800, timeout=120, flags=()):
        self.errors, self._events, self._id, self._rest, self._timeout = [], [], 0, b"", timeout
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        # the protocol reads from descriptor 3 and writes to 4
        command = ["sh", "-c", f'exec "$@" 3</dev/fd/{theirs_in} 4>/dev/fd/{theirs_out}', "sh", find_browser()]
        options = [
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},{height}",
            "--remote-debugging-pipe",
        ]
        self._process = subprocess.Popen(
            [*command, *FLAGS, *flags, *options, "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out, self._session = ours_in, ours_out, None
        downloads = {"behavior": "allow", "downloadPath": str(folder), "eventsEnabled": True}
        self.send("Browser.setDownloadBehavior", **downloads)
        (target,) = [item for item in self.send("Target.getTargets")["targetInfos"] if item["type"] == "page"]
        attached = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **metrics)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._out)
        os.close(self._in)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def send(self, method, **params):
        """Give a command, and return its result."""
        self._id += 1
        message = {"id": self._id, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda item: item.get("id") == self._id)
        assert "error" not in answer, f"{method}: {answer.get('error')}"
        return answer["result"]

    def open(self, path):
        self.send("Page.navigate", url=path.resolve().as_uri())
        self.wait_for("document.body?.classList.contains('ready')")

    def run(self, code):
        """Return the value of an expression in the page, a promise's once it is there."""
        answer = self.send("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, code):
        end = time.monotonic() + self._timeout
        while not (value := self.run(code)):
            assert time.monotonic() < end, f"{code} stays {value!r}; errors: {self.errors}"
            time.sleep(0.05)
        return value

    def wait_for_event(self, method, **expected):
        def is_it(item):
            return item.get("method") == method and expected.items() <= item["params"].items()

        found = next(filter(is_it, self._events), None)
        return (found or self._until(is_it))["params"]

    def mouse(self, kind, x, y, **options):
        self.send("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, **options)

    def click(self, x, y):
        self.drag([(x, y)])

    def drag(self, points):
        button = {"button": "left", "clickCount": 1}
        self.mouse("Moved", *points[0])
        self.mouse("Pressed", *points[0], **button)
        for point in points[1:]:
            self.mouse("Moved", *point, button="left", buttons=1)
        self.mouse("Released", *points[-1], **button)

    def _until(self, is_it):
        end = time.monotonic() + self._timeout
        while True:
            *messages, self._rest = self._rest.split(b"\0")
            items = [json.loads(message) for message in messages]
            for item in items:
                self._note(item)
            if found := next(filter(is_it, items), None):
                return found
            assert select.select([self._in], [], [], max(0, end - time.monotonic()))[0], "the browser does not answer"
            part = os.read(self._in, 1 << 20)
            assert part, "the browser has ended"
            self._rest += part

    def _note(self, item):
        if "method" not in item:
            return
        self._events.append(item)
        params = item["params"]
        if item["method"] == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"])
        elif item["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.errors.append([arg.get("value", arg.get("description")) for arg in params["args"]])
        elif item["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"])
