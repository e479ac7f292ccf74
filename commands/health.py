"""The health check of a container: exits 0 if the page answers on its port. Needs only the standard library."""

import os
import sys
import urllib.request


def main() -> int:
    """0 if the page answers, 1 if not."""
    port = os.environ.get("ARENA_PORT", "7860")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/config", timeout=8) as answer:
            return 0 if answer.status == 200 else 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
