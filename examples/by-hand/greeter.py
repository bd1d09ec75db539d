#!/usr/bin/env python3
"""A service by hand: `greeter` answers `hello` {"name": NAME} with {"text": "hello NAME"}.

Speaks JSON lines, one object a line, over a plain socket. Usage: greeter.py [HOST:PORT]
"""
import json
import os
import socket
import sys

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BUSLANE_URL", "127.0.0.1:5959")
INPUT = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
REGISTRATION = {"name": "greeter", "version": "1.0.0", "methods": {"hello": {"input": INPUT}}}


def answer(message):
    """Returns what to send back for a message, or None."""
    kind = message["type"]
    if kind == "registered":
        print("registered", message["name"], flush=True)
    elif kind == "request":
        # The broker has checked the payload against INPUT: the name is there.
        text = "hello " + message["payload"]["name"]
        return {"type": "reply", "delivery": message["delivery"], "payload": {"text": text}}
    elif kind == "ping":
        return {**message, "type": "pong"}
    elif kind == "error":
        problem = message["error"]
        note = f"greeter: {problem.get('title', problem['code'])} ({problem.get('detail', problem['code'])})"
        if "delivery" not in message:  # Not about one answer that came too late: the registration failed.
            sys.exit(note)
        print(note, file=sys.stderr)
    return None


def main():
    host, _, port = ADDRESS.removeprefix("buslane://").rstrip("/").rpartition(":")
    try:
        lines = socket.create_connection((host.strip("[]"), int(port))).makefile("rw", encoding="utf-8", newline="\n")
    except (OSError, ValueError) as error:
        sys.exit(f"greeter: no broker at {ADDRESS}: {error}\nStart one with `buslane serve`, or name another.")
    outgoing = {"type": "register", "id": "1", **REGISTRATION}
    while True:
        if outgoing:
            print(json.dumps(outgoing), file=lines, flush=True)
        line = lines.readline()
        if not line:
            sys.exit("greeter: the broker closed the connection")
        outgoing = answer(json.loads(line))


if __name__ == "__main__":
    try:
        main()
    except ConnectionError as error:
        sys.exit(f"greeter: the connection broke: {error}")
    except KeyboardInterrupt:
        pass
