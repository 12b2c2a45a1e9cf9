"""display.py: a screen that nobody sees, and clients with windows on it."""

import json
import os
import pathlib
import subprocess
import tempfile
import time

from driver import Driver
from world import AS_NOBODY, PATIENCE_S, TOP, lib

SCREEN = "1280x800"
TOOL = TOP / "tests" / "clients" / "windows.py"


class Display:
    """An X server with a window manager, a session bus, and what finds things by name (windows.py)."""

    def __init__(self, home, environment, prefix):
        self.prefix = [*prefix, *AS_NOBODY]
        run = home / "run"
        run.mkdir(mode=0o700)
        self.environment = dict(environment, XDG_RUNTIME_DIR=str(run), GTK_A11Y="atspi",
                                GTK_MODULES="gail:atk-bridge", GSETTINGS_BACKEND="memory",
                                DBUS_SESSION_BUS_ADDRESS=f"unix:path={run}/bus")
        self.processes = []
        reading, writing = os.pipe()
        self.start("Xvfb", "-displayfd", str(writing), "-screen", "0", SCREEN + "x24", "-nolisten", "tcp",
                   pass_fds=[writing])
        os.close(writing)
        with os.fdopen(reading) as number:
            self.environment["DISPLAY"] = ":" + number.readline().strip()
        self.start("dbus-daemon", "--session", "--nofork", f"--address=unix:path={run}/bus")
        lib.wait_until("a session bus", (run / "bus").exists, PATIENCE_S)
        self.start("openbox")
        self.tool = self.start("/usr/bin/python3", str(TOOL), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)

    def start(self, *words, **named):
        where = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen([*self.prefix, *words], env=self.environment, **(where | named))
        self.processes.append(process)
        return process

    def ask(self, *words):
        self.tool.stdin.write(json.dumps(words) + "\n")
        self.tool.stdin.flush()
        return json.loads(self.tool.stdout.readline())

    def until(self, what, condition):
        try:
            lib.wait_until(what, condition, PATIENCE_S, 0.5)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.ask('tree')}") from None

    def shows(self, text):
        self.until(f"the screen shows {text!r}", lambda: self.ask("there", text))

    def press(self, name):
        self.until(f"there is {name!r} to press", lambda: self.ask("press", name))
        time.sleep(0.7)

    def fill(self, name, text):
        self.until(f"there is {name!r} to fill", lambda: self.ask("fill", name, text))

    def xdotool(self, *words):
        subprocess.run([*self.prefix, "xdotool", *words], env=self.environment, check=True)
        time.sleep(0.5)

    def type(self, text):
        self.xdotool("type", "--delay", "15", text)

    def key(self, *names):
        for name in names:
            self.xdotool("key", name)

    def click(self, x, y):
        self.xdotool("mousemove", str(x), str(y), "click", "1")

    def picture(self, path, crop=SCREEN):
        """What is on the screen, as a small PNG; crop: WIDTHxHEIGHT+LEFT+TOP."""
        subprocess.run([*self.prefix, "import", "-window", "root", "-crop", crop, "+repage", "+dither", "-colors",
                        "128", "-strip", str(path)], env=self.environment, check=True)

    def has_colour(self, colour, crop):
        """Is there a dot of that colour (within a little)?"""
        path = pathlib.Path(self.environment["HOME"]) / "screen.png"
        subprocess.run([*self.prefix, "import", "-window", "root", "-crop", crop, "+repage", str(path)],
                       env=self.environment, check=True)
        done = subprocess.run(["convert", str(path), "-fuzz", "4%", "-fill", "black", "+opaque", colour, "-fill",
                               "white", "-opaque", colour, "-format", "%[fx:maxima]", "info:"],
                              capture_output=True, text=True, check=True)
        return done.stdout.strip() == "1"

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


class WindowDriver(Driver):
    """A client with windows."""

    quick = False
    display = None
    prefix = ()         # words before each command

    @property
    def pictured(self):
        """How the names of its pictures begin."""
        return self.user

    def run(self, *words):
        self.display = Display(self.home, self.environment, self.prefix)
        self.display.start(*words)

    def looks(self):
        """Where a picture of the screen lies."""
        if not self.display:
            return ""
        path = pathlib.Path(tempfile.gettempdir()) / f"tacet-{self.user}-failed.png"
        self.display.picture(path)
        return str(path)

    def picture(self, name, crop):
        """One for the documents, if they are wanted."""
        if self.world.pictures:
            self.display.picture(self.world.pictures / f"{self.pictured}-{name}.png", crop)

    def stop(self):
        if self.display:
            self.display.stop()
