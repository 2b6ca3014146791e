"""An HTTPS update server on the WAN of the lab that can also misbehave in every way a test asks for."""
import http.server
import json
import socket
import ssl
import threading
import time
from pathlib import Path

import lab

LATEST = "/api/v1/updates/latest"
PIECE = 256 * 1024


class UpdateServer:
    """`reply`: what LATEST answers, (status, headers, body). `bundles`: path -> bytes. Faults are attributes."""

    def __init__(self, certificate, key):
        self.reply = (404, {}, b"")
        self.bundles = {}
        self.ranges = True          # False: the whole file, whatever is asked for
        self.cut_after = None       # bytes of a long answer, after which the connection is lost
        self.after_cut = lambda: None   # what happens then
        self.held = None            # range -> bool: whose body waits, after its header, until this is None again
        self.drips_after = None     # bytes of a long answer, after which it goes on at 2.5 MB/s
        self._counted = [0]         # bytes of bodies, of all answers since count_anew()
        self.requests = []          # (path, Range header or None, headers)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        if not self._started.wait(10):
            raise RuntimeError("the update server did not start")

    @property
    def url(self):
        return f"https://{lab.WAN_ADDRESS}"

    def offer(self, version, bundle):
        path = f"/bundles/{version}.raucb"
        self.bundles[path] = Path(bundle).read_bytes()
        self.say({"version": version, "bundle_url": self.url + path})
        return path

    def say(self, content, status=200, headers=None):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.reply = (status, {"Content-Type": "application/json", **(headers or {})}, body)

    def stop(self):
        self._http.shutdown()
        self._thread.join(10)

    def _serve(self):
        lab.enter("wan")
        owner = self

        class Connection(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10

            def do_GET(self):
                owner._answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):   # a client that does not like our certificate is no news
                pass

        self._http = Server((lab.WAN_ADDRESS, 443), Connection)
        # The handshake belongs to the connection's thread: a client that is stuck in it must not block the others.
        self._http.socket = self._context.wrap_socket(self._http.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        self._started.set()
        self._http.serve_forever(poll_interval=0.05)
        self._http.server_close()

    def _answer(self, request):
        self.requests.append((request.path, request.headers.get("Range"), dict(request.headers)))
        if request.path == LATEST:
            self._send(request, *self.reply)
        elif request.path in self.bundles:
            self._send_bundle(request, self.bundles[request.path])
        else:
            self._send(request, 404, {}, b"")

    def _send_bundle(self, request, content):
        asked = request.headers.get("Range") if self.ranges else None
        if asked is None:
            return self._send(request, 200, {}, content)
        first, last = _span(asked, len(content))
        if first > last:
            return self._send(request, 416, {"Content-Range": f"bytes */{len(content)}"}, b"")
        where = {"Content-Range": f"bytes {first}-{last}/{len(content)}", "Accept-Ranges": "bytes", "ETag": '"1"'}
        self._send(request, 206, where, content[first:last + 1], asked)

    def _send(self, request, status, headers, body, asked=None):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.flush()
        while asked and self.held and self.held(asked):
            time.sleep(0.01)
        if self.cut_after is not None and len(body) > self.cut_after:
            request.wfile.write(body[:self.cut_after])
            request.wfile.flush()
            request.connection.shutdown(socket.SHUT_RDWR)
            request.close_connection = True
            self.after_cut()
            return
        self._pour(request, body)

    def count_anew(self):
        """The bytes of bodies sent until now. An answer that has begun is not counted any more: its client may be dead,
        and what goes into the socket then is nobody's."""
        before, self._counted = self._counted, [0]
        return before[0]

    @property
    def sent(self):
        return self._counted[0]

    def _pour(self, request, body):
        counted = self._counted
        for begin in range(0, len(body), PIECE):
            if self.drips_after is not None and begin >= self.drips_after:
                time.sleep(0.1)
            piece = body[begin:begin + PIECE]
            request.wfile.write(piece)
            counted[0] += len(piece)


def _span(asked, size):
    first, last = asked.removeprefix("bytes=").split("-")
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
