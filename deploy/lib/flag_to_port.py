"""flag_to_port.py FLAG touch|rm ADDRESS PORT: changes a flag file and prints the milliseconds until the port follows.

Touched, it must open; removed, it must close: then the time is when the first attempt began that got no answer (an
answer takes well below a millisecond here). Fails after 5 s.
"""
import pathlib
import socket
import sys
import time

flag, act, address, port = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
wanted = act == "touch"
began = time.monotonic()
flag.touch() if wanted else flag.unlink()
while (tried := time.monotonic()) < began + 5:
    try:
        # A dropped SYN would be sent again only after a second: give up early and send a new one.
        socket.create_connection((address, port), timeout=0.005 if wanted else 0.2).close()
        is_open = True
    except OSError:
        is_open = False
    if is_open == wanted:
        print(f"{((time.monotonic() if wanted else tried) - began) * 1000:.1f}")
        sys.exit(0)
sys.exit(1)
