"""Write the generated files of docs/reference: ``make reference``."""

from pathlib import Path

from bertfit.reference import config_reference

if __name__ == "__main__":
    for path, text in config_reference.generated(Path(__file__).parent).items():
        path.write_text(text, encoding="utf-8")
