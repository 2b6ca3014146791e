"""until_port.py ADDRESS PORT open|closed: waits until it is, at most 5 s, and prints the milliseconds that took.

For "closed" that is when the first attempt began that got no answer; an answer takes well below a millisecond here.
"""
import socket
import sys
import time

address, port, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "open"
began = time.monotonic()
while time.monotonic() < began + 5:
    tried = time.monotonic()
    try:
        # A dropped SYN would be sent again only after a second: give up early and send a new one.
        socket.create_connection((address, port), timeout=0.02 if wanted else 0.2).close()
        is_open = True
    except OSError:
        is_open = False
    if is_open == wanted:
        print(f"{((time.monotonic() if wanted else tried) - began) * 1000:.0f}")
        sys.exit(0)
sys.exit(1)
