"""The embedded Prefect server's own process: it lives until its standard input ends, with the command that started it.

So it outlives neither a command that was killed nor one that ended, and needs to be told nothing. Started by path, it
imports nothing of this project.
"""

import os
import signal
import sys
import threading
import time

import uvicorn

PATIENCE_S = 5.0


def _end_with_the_command() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE_S)
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_command, daemon=True).start()
    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        lifespan="on",
    )
