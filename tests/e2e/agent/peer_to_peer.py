#!/usr/bin/python3
"""An agent that asks a tracker for the metainfo of a blob, and a peer for its bytes, in a protocol of its own.

Arguments: unix socket to serve at, ports of the tracker and of the peer on loopback. A blob whose digest begins with `ff` leaves the
connection to the peer open. Prints `hit` or `miss` for each blob that was served, `tag` for each tag that was looked up.
"""
import http.client, socket, socketserver, sys
from http.server import BaseHTTPRequestHandler

path, tracker, peer = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
cache, kept = {}, []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        words = self.path.split("/")
        if words[1] == "tags":
            result, body = "tag", ask(self.path)
        else:
            digest = words[-1].removeprefix("sha256:")
            result = "hit" if digest in cache else "miss"
            if result == "miss":
                ask(f"/namespace/library%2Fapp/blobs/{digest}/metainfo")
                cache[digest] = fetch(digest)
            body = cache[digest]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        print(result, flush=True)

    def address_string(self):
        return "-"

    def log_message(self, *_):
        pass


def ask(path):
    connection = http.client.HTTPConnection("127.0.0.1", tracker)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


def fetch(digest):
    connection = socket.create_connection(("127.0.0.1", peer))
    connection.sendall(b"\x07\x01\x02\x03" + bytes.fromhex(digest))
    file = connection.makefile("rb")
    assert file.read(4) == b"\x07\x01\x02\x03"
    blob = file.read(int.from_bytes(file.read(8), "big"))
    file.close()
    if digest.startswith("ff"):
        kept.append(connection)
    else:
        connection.close()
    return blob


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


Server(path, Handler).serve_forever()
