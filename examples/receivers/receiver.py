"""Receives cloudpay's events and acts on each once (docs/events.md).

    CLOUDPAY_NOTIFY_KEY=whsec_… python3 receiver.py 127.0.0.1:8080 shop.db
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def secret(key):
    return base64.b64decode(key[6:]) if key.startswith("whsec_") else key.encode()


SECRETS = [secret(key) for key in os.environ["CLOUDPAY_NOTIFY_KEY"].split()]
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


def act(shop, event):
    """Does what the event asks for, in the transaction that keeps its id, and returns what it did."""
    order = "/".join([event["region"], event["mchId"], event.get("subMchId", ""), event["outTradeNo"]])
    what = {"closed": "release", "notFound": "release", "paid": "deliver"}.get(event["kind"], "look")
    shop.execute("INSERT INTO done (order_name, what) VALUES (?, ?)", (order, what))
    return f"{what} {order}"


def receive(identity, event):
    shop = sqlite3.connect(DATABASE, isolation_level=None)
    try:
        shop.execute("PRAGMA synchronous = FULL")
        shop.execute("BEGIN IMMEDIATE")
        fresh = shop.execute("INSERT OR IGNORE INTO events (id) VALUES (?)", (identity,)).rowcount == 1
        done = act(shop, event) if fresh else None
        shop.execute("COMMIT")  # the id and the act, or neither
    finally:
        shop.close()
    if done:
        print(done, flush=True)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("content-length", 0)), 64 << 10))
        try:
            identity = verify(self.headers, body)
        except (TypeError, ValueError, AttributeError):  # a header is missing or malformed
            identity = None
        status = 401
        if identity:
            receive(identity, json.loads(body))  # an exception: no answer, and the event comes again
            status = 204
        self.send_response(status)
        self.send_header("content-length", "0")
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
