#!/usr/bin/python3
"""windows.py: find buttons and fields by their names, as a screen reader does (AT-SPI), and use them.

Run as a program it takes a line of JSON for each thing to do, [VERB, WORD...], and answers with one:
true, false when there is no such thing, or the text asked for.

  press NAME          a button, menu item, tab, ... that is shown and has that name or holds that text
  fill NAME TEXT      a field of that name, or by "#N" the Nth field that is shown
  row TEXT            the row of a list in which that is: select it
  focus NAME          the same, for the keyboard
  there TEXT          is a thing shown that has that name or text?
  tree                all that is shown, a line each
"""

import json
import sys

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

DEPTH_MAX = 60


def shown(node, depth=0):
    """All things on the screen, parents first."""
    try:
        states = node.get_state_set()
        if depth > 1 and not states.contains(Atspi.StateType.SHOWING):
            return
        yield node
        if depth < DEPTH_MAX:
            for i in range(node.get_child_count()):
                child = node.get_child_at_index(i)
                if child is not None:
                    yield from shown(child, depth + 1)
    except GLib.Error:
        return


def text_of(node):
    try:
        text = "Text" in node.get_interfaces()
        return Atspi.Text.get_text(node, 0, Atspi.Text.get_character_count(node)) if text else ""
    except GLib.Error:
        return ""


def words_of(node):
    try:
        return [word for word in (node.get_name(), text_of(node), node.get_description()) if word]
    except GLib.Error:
        return []


def everything():
    desktop = Atspi.get_desktop(0)
    for i in range(desktop.get_child_count()):
        application = desktop.get_child_at_index(i)
        if application is not None:
            yield from shown(application)


def fields():
    return [node for node in everything() if node.get_role() in (
        Atspi.Role.TEXT, Atspi.Role.ENTRY, Atspi.Role.PASSWORD_TEXT) and
        node.get_state_set().contains(Atspi.StateType.EDITABLE)]


def find(name):
    """The last thing shown of that name (it is on top), or one that holds it as text."""
    if name.startswith("#"):
        number = int(name[1:])
        return (fields()[number:] or [None])[0]
    exact = [node for node in everything() if name in words_of(node)]
    acting = [node for node in exact if acts(node)]
    part = [] if exact else [node for node in everything() if any(name in word for word in words_of(node))]
    return (acting or exact or part or [None])[-1]


def acts(node):
    try:
        return "Action" in node.get_interfaces() and Atspi.Action.get_n_actions(node) > 0
    except GLib.Error:
        return False


def press(name):
    node = find(name)
    while node is not None and not acts(node):
        node = node.get_parent()
    return node is not None and Atspi.Action.do_action(node, 0)


def row(name):
    """Select the row of a list that holds the text."""
    node = find(name)
    while node is not None and node.get_role() != Atspi.Role.LIST_ITEM:
        node = node.get_parent()
    return node is not None and Atspi.Selection.select_child(node.get_parent(), node.get_index_in_parent())


def fill(name, text):
    node = find(name)
    return node is not None and Atspi.EditableText.set_text_contents(node, text)


def focus(name):
    node = find(name)
    return node is not None and Atspi.Component.grab_focus(node)


def there(name):
    return find(name) is not None


def tree():
    return "\n".join(f"{node.get_role_name()} {words_of(node)}" for node in everything() if words_of(node))


VERBS = {"press": press, "fill": fill, "focus": focus, "row": row, "there": there, "tree": tree}

if __name__ == "__main__":
    for line in sys.stdin:
        verb, *rest = json.loads(line)
        try:
            answer = VERBS[verb](*rest)
        except GLib.Error as failure:
            print(failure, file=sys.stderr)
            answer = False
        print(json.dumps(answer), flush=True)
