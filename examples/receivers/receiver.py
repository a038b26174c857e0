"""Receives cloudpay's events and acts on each once (docs/events.md).

    CLOUDPAY_NOTIFY_KEY=whsec_… python3 receiver.py 127.0.0.1:8080 shop.db
"""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import socket
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


LONGEST = 64 << 10  # bytes of a body
PATIENCE = 10  # seconds for a request, with its body


def secret(key):
    """Returns the bytes of a key, or None for one that can be guessed: anyone could sign."""
    if not key.startswith("whsec_"):
        return key.encode() if len(key) >= 16 else None
    encoded = key[6:]
    if len(encoded) % 4 or not re.fullmatch("[A-Za-z0-9+/]+={0,2}", encoded):
        return None
    decoded = base64.b64decode(encoded)
    return decoded if 24 <= len(decoded) <= 64 else None


SECRETS = [secret(key) for key in os.environ.get("CLOUDPAY_NOTIFY_KEY", "").split()]
if not SECRETS or None in SECRETS:
    sys.exit(
        "CLOUDPAY_NOTIFY_KEY must be one key or two:"
        " whsec_ and the base64 of 24 to 64 bytes, or at least 16 characters"
    )
DATABASE = sys.argv[2]


def verify(headers, body):
    """Returns the event's id if body was signed with one of our keys within five minutes."""
    identity, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if not identity or abs(time.time() - int(timestamp)) > 300:
        return None
    signed = f"{identity}.{timestamp}.".encode() + body
    wanted = ["v1," + base64.b64encode(hmac.digest(s, signed, hashlib.sha256)).decode() for s in SECRETS]
    for given in headers["webhook-signature"].split(" "):
        for want in wanted:
            if hmac.compare_digest(given.encode(), want.encode()):
                return identity
    return None


# An order has its end once; after a restore it may come under another id.
ENDS = {"closed": "closed", "notFound": "notFound", "paid": "paid", "paidOtherAmount": "paid"}


def act(shop, event, order):
    """Does what the event asks for, in the transaction that keeps its id, and returns what it did."""
    what = {"closed": "release", "notFound": "release", "paid": "deliver", "test": "none"}.get(event["kind"], "look")
    shop.execute("INSERT INTO done (order_name, what) VALUES (?, ?)", (order, what))
    return f"{what} {order}"


def receive(identity, event):
    order = "/".join([event["region"], event["mchId"], event.get("subMchId", ""), event["outTradeNo"]])
    keys = [identity] + [f"{ENDS[kind]} {order}" for kind in [event["kind"]] if kind in ENDS]
    shop = sqlite3.connect(DATABASE, isolation_level=None)
    try:
        shop.execute("PRAGMA synchronous = FULL")
        shop.execute("BEGIN IMMEDIATE")
        new = [shop.execute("INSERT OR IGNORE INTO events (id) VALUES (?)", (key,)).rowcount for key in keys]
        done = act(shop, event, order) if all(new) else None
        shop.execute("COMMIT")  # the id, the end and the act, or nothing
    finally:
        shop.close()
    if done:
        print(done, flush=True)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one_request(self):
        """Reads no longer than PATIENCE: what is not there by then is not read any more."""
        watchdog = threading.Timer(PATIENCE, self.stop_reading)
        watchdog.daemon = True
        watchdog.start()
        try:
            super().handle_one_request()
        finally:
            watchdog.cancel()

    def stop_reading(self):
        with contextlib.suppress(OSError):  # the sender has gone
            self.connection.shutdown(socket.SHUT_RD)

    def body(self):
        """Returns the body; None if its length is not given, is too much, or is not what came."""
        length = ",".join(self.headers.get_all("content-length", []))
        if "transfer-encoding" in self.headers or not re.fullmatch("[0-9]{1,6}", length) or int(length) > LONGEST:
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def do_POST(self):
        body = self.body()
        if body is None:  # where the next request would begin is not known
            self.close_connection = True
            self.answer(413)
            return
        try:
            identity = verify(self.headers, body)
        except (TypeError, ValueError, AttributeError):  # a header is missing or malformed
            identity = None
        status = 401
        if identity:
            receive(identity, json.loads(body))  # an exception: no answer, and the event comes again
            status = 204
        self.answer(status)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    tables = sqlite3.connect(DATABASE)
    tables.executescript(
        "CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY);"
        "CREATE TABLE IF NOT EXISTS done (order_name TEXT NOT NULL, what TEXT NOT NULL);"
    )
    tables.close()
    host, port = sys.argv[1].rsplit(":", 1)
    ThreadingHTTPServer((host, int(port)), Receiver).serve_forever()
