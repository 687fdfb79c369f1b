#!/usr/bin/env python3
"""Stands between a program under test and a server of the test.

usage: relay.py FOLDER PORT proxy             an HTTP proxy: every name leads to PORT, by CONNECT or by an absolute URL
       relay.py FOLDER PORT tls CERT KEY      ends TLS, and hands on what was in it

Writes its own port to FOLDER/port, and to FOLDER/log a line for each connection: of a proxy the request line and the
credentials, of a TLS end the name that was asked for.
"""
import os
import socket
import ssl
import sys
import threading

FOLDER, TARGET, KIND = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def log(line):
    with open(os.path.join(FOLDER, "log"), "a", encoding="utf-8") as file:
        file.write(line + "\n")


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def join(client, server):
    there = threading.Thread(target=pump, args=(client, server), daemon=True)
    there.start()
    pump(server, client)
    client.close()


def proxy(client):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(65536)
        if not data:
            return
        head += data
    lines, rest = head.split(b"\r\n\r\n", 1)
    lines = lines.decode("latin-1").split("\r\n")
    credentials = [line for line in lines if line.lower().startswith("proxy-authorization:")]
    log(" | ".join([lines[0]] + credentials))
    server = socket.create_connection(("127.0.0.1", TARGET))
    if lines[0].startswith("CONNECT "):
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        server.sendall(rest)
    else:
        method, url, version = lines[0].split(" ")
        lines[0] = f"{method} /{url.split('/', 3)[3]} {version}"
        kept = [line for line in lines if line not in credentials]
        server.sendall("\r\n".join(kept).encode("latin-1") + b"\r\n\r\n" + rest)
    join(client, server)


def tls(client):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    context.sni_callback = lambda _connection, name, _context: log(f"asked for {name}")
    try:
        client = context.wrap_socket(client, server_side=True)
    except OSError as error:
        return log(f"refused: {error}")
    join(client, socket.create_connection(("127.0.0.1", TARGET)))


listener = socket.create_server(("127.0.0.1", 0))
with open(os.path.join(FOLDER, "port.new"), "w", encoding="utf-8") as file:
    file.write(str(listener.getsockname()[1]))
os.rename(os.path.join(FOLDER, "port.new"), os.path.join(FOLDER, "port"))
while True:
    threading.Thread(target={"proxy": proxy, "tls": tls}[KIND], args=(listener.accept()[0],), daemon=True).start()
