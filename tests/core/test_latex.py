"""Tables in LaTeX: every mark by hand, and compiled where there is a TeX."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from nlpcl.core.latex import escaped
from nlpcl.core.tables import Table

ASCII = "".join(map(chr, range(32, 127)))
NASTY = [
    *("[CLS] a", "* b", "\\end{table}", "a\\\\b", "$x_1^2$", "50% & #1", "~{}^", "--variant", ",,"),
    *("?`", "!`", "<<a>>", '"x"', "a|b", "\x1b[31m", "a\nb", "é ± – × → ≥ −1 Δ", "''", "``"),
]
TABLE = Table(
    "t",
    ["mark [x]", "n", "low", "high"],
    [[text, number, -1.5, 2.5] for number, text in enumerate([ASCII, *NASTY])],
    title="Test of 50% & more: n = 17 (2 seeds)",
    note="A note_with {marks} and --flags.\n[A second] line.",
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("&%$#_{}", r"\&\%\$\#\_\{\}"),
        ("~^\\", r"\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        ("<|>", r"\textless{}\textbar{}\textgreater{}"),
        ("[a]*", "{}[a]*"),
        ("*", "{}*"),
        ("a-b, ---", "a-b, -{}-{}-"),
        (",,''", ",{},'{}'"),
        ("a\nb", "a[U+000A]b"),
        ("−1 → ≥", r"$-$1 $\rightarrow$ $\geq$"),
        ("é–字", "é–字"),
    ],
)
def test_marks(text, written):
    assert escaped(text) == written


def test_title_note_and_rows_are_kept():
    lines = TABLE.as_latex().splitlines()
    assert r"\caption{Test of 50\% \& more: n = 17 (2 seeds)}" in lines
    note = r"A note\_with \{marks\} and -{}-flags.\par {}[A second] line."
    assert rf"\par\smallskip{{\footnotesize {note}\par}}" in lines
    assert r"\begin{tabular}{lr}" in lines
    begin, end = lines.index(r"\midrule"), lines.index(r"\bottomrule")
    rows = lines[begin + 1 : end]
    assert len(rows) == len(TABLE.rows)
    assert all(row.endswith(r" \\") and row.replace(r"\&", "").count("&") == 1 for row in rows)
    assert lines.count(r"\begin{table}") == lines.count(r"\end{table}") == 1


def test_another_script_is_said():
    assert "XeLaTeX" not in TABLE.as_latex()
    assert "XeLaTeX" in Table("t", ["字"], [["é"]]).as_latex()


def test_a_tex_sets_it(tmp_path):
    tex = shutil.which("pdflatex") or shutil.which("tectonic")
    if tex is None:
        pytest.skip("no pdflatex and no tectonic here")
    page = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n"
    page += f"{TABLE.as_latex()}\\end{{document}}\n"
    (tmp_path / "a.tex").write_text(page, encoding="utf-8")
    flags = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in tex else []
    done = subprocess.run(
        [tex, *flags, "a.tex"], cwd=tmp_path, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert (tmp_path / "a.pdf").stat().st_size > 1000
