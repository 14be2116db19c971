"""A gRPC client that nobody here wrote the library of. Frames are bytes: what is tried is who is let in.

client.py <host:port> <CA file> <certificate file or -> <key file or -> <path of the method> <hex of the request>
Prints the hex of the first answer, or the name of the status and what it says.
"""
import os
import sys
import threading

import grpc

address, authority, certificate, key, method, request = sys.argv[1:]


def read(path):
    if path == "-":
        return None
    with open(path, "rb") as file:
        return file.read()


# Wherever the node runs: the host that its certificate names is its own name.
options = [("grpc.ssl_target_name_override", "n1")]
if authority == "-":
    channel = grpc.insecure_channel(address)
else:
    credentials = grpc.ssl_channel_credentials(read(authority), read(key), read(certificate))
    channel = grpc.secure_channel(address, credentials, options=options)
call = channel.stream_stream(method)


def requests():
    yield bytes.fromhex(request)
    # Who has said all that it will ever say leaves a session.
    if method.endswith("/Session"):
        threading.Event().wait(10)


try:
    print(next(call(requests(), timeout=10)).hex())
except StopIteration:
    print("OK")
except grpc.RpcError as error:
    print(error.code().name, error.details())
sys.stdout.flush()
# Not before the last of them has been waited for, otherwise.
os._exit(0)
