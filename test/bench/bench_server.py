"""The update server of a benchmark: a real nginx over TLS that says what it has sent."""
import contextlib
import json
import subprocess
import time
from pathlib import Path

import bundles
import lab
import measure

_CONFIGURATION = """\
daemon off;
user root;
worker_processes 1;
pid {at}/pid;
error_log {at}/error.log;
events {{}}
http {{
    log_format sent '$request_uri $status $bytes_sent $connection $http_range';
    access_log {at}/access.log sent;
    client_body_temp_path {at}/tmp; proxy_temp_path {at}/tmp; fastcgi_temp_path {at}/tmp;
    uwsgi_temp_path {at}/tmp; scgi_temp_path {at}/tmp;
    sendfile on;
    keepalive_requests 100000;
    server {{
        listen {address}:443 ssl;
        ssl_certificate {keys}/server.pem;
        ssl_certificate_key {keys}/server.key;
        root {at}/www;
        location /limited/ {{ limit_rate {rate}; }}
    }}
}}
"""


class Request:
    """One line of the log: `sent` are the bytes of the reply, its header included, before TLS."""

    def __init__(self, line):
        self.path, self.status, sent, self.connection, span = line.split(" ", 4)
        self.sent = int(sent)
        first, _, last = span.partition("=")[2].partition("-")
        self.first = int(first) if first else None
        self.last = int(last) if first and last else None


class Server:
    """`offer` puts a bundle under a name; its server_url is then `url(name)`."""

    def __init__(self, place, rate=2_500_000):
        self.at = Path(place)
        (self.at / "www").mkdir(parents=True)
        self._log = self.at / "access.log"
        (self.at / "nginx.conf").write_text(_CONFIGURATION.format(
            at=self.at, address=lab.WAN_ADDRESS, keys=bundles.keys(), rate=rate))
        lab.run("ip", "address", "add", f"{lab.WAN_ADDRESS}/32", "dev", "lo")
        self._process = subprocess.Popen(["nginx", "-e", self.at / "error.log", "-c", self.at / "nginx.conf"],
                                         stdin=subprocess.DEVNULL)
        self._ready()

    def close(self):
        self._process.terminate()
        self._process.wait()

    def url(self, name):
        return f"https://{lab.WAN_ADDRESS}/{name}"

    def offer(self, name, bundle):
        directory = self.at / "www" / name
        (directory / "api/v1/updates").mkdir(parents=True)
        (directory / "bundle.raucb").hardlink_to(bundle)
        (directory / "api/v1/updates/latest").write_text(
            json.dumps({"version": "new", "bundle_url": self.url(name) + "/bundle.raucb"}))

    @contextlib.contextmanager
    def requests(self):
        """The list fills with the requests that were answered meanwhile."""
        before = len(self._lines())
        seen = []
        yield seen
        time.sleep(0.05)   # nginx writes its line after the last byte
        seen += map(Request, self._lines()[before:])

    def _lines(self):
        return self._log.read_text().splitlines() if self._log.exists() else []

    def _ready(self):
        limit = time.monotonic() + 10
        while True:
            try:
                measure.run("curl", "-s", "-o", "/dev/null", "--cacert", bundles.keys() / "tls-ca.pem", self.url(""))
                return
            except RuntimeError:
                if time.monotonic() > limit or self._process.poll() is not None:
                    raise RuntimeError(f"nginx did not start: {(self.at / 'error.log').read_text()}") from None
                time.sleep(0.05)
