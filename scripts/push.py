"""Upload an exported classifier to the Hugging Face hub: python scripts/push.py MODEL OWNER/NAME (make push)"""

import argparse
import sys
from pathlib import Path

from bertfit.core.errors import UserError


def main() -> int:
    """Exit status: 0, or 2 if nothing was uploaded; the reason is on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="results/<study>/model")
    parser.add_argument("repository", help="OWNER/NAME on the hub; made if need be")
    parser.add_argument("--public", action="store_true", help="everybody may read a new repository; default: private")
    parser.add_argument(
        "--yes-texts-may-be-memorised", action="store_true",
        help="upload a model of which the card says that it may give away training texts",
    )  # fmt: skip
    options = parser.parse_args()
    from bertfit.export import push

    try:
        url = push.push(
            options.model,
            options.repository,
            private=not options.public,
            texts_may_be_memorised=options.yes_texts_may_be_memorised,
        )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
