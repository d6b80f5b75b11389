"""Train, read the report and correct text from Python; the same code the commands use.

python examples/python_api.py [RUN FOLDER]
"""

import sys

import nlpcl
from nlpcl.zoo.sdcl.config import Config


def main(folder: str | None = None, **settings) -> None:
    """Train SDCL on the sample data; ``settings`` are the flags of ``nlpcl train sdcl``."""
    run = nlpcl.fit(Config(**settings), out=folder, quiet=False)
    metrics = run.report["metrics"]
    print(f"{run.folder}: correction F1 {metrics['correction_f1_strict']:.1f} (strict)")

    corrector = nlpcl.load(run.folder)
    for row in corrector.predict(["我每天都吃旱饭。", "他在公圆里跑步。"], threshold=0.5):
        changes = ", ".join(f"{edit['wrong']}→{edit['right']}" for edit in row["edits"])
        print(f"{row['source']} → {row['target']} ({changes or 'unchanged'})")


if __name__ == "__main__":
    main(*sys.argv[1:2])
