# Receives deliveries at /0, /1, ... and verifies each by the library's Webhook with that key of
# argv, as a shop does.
# Prints the port.
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

VERIFIERS = [Webhook(key if key.startswith("whsec_") else key.encode()) for key in sys.argv[1:]]


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status = 204
        try:
            VERIFIERS[int(self.path[1:])].verify(body, dict(self.headers))
        except WebhookVerificationError:
            status = 401
        self.send_response(status)
        self.end_headers()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
