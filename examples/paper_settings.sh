#!/usr/bin/env bash
# SDCL as in its paper (MacBERT, batch 48, learning rate 7e-5, 20 epochs), and what each part is
# worth. The encoder is fetched from the model hub; give a folder as BACKBONE without a network.
# Broken off, the same command goes on with what is not finished.
#
#   DATA_ROOT=/path/to/corpora bash examples/paper_settings.sh
set -euo pipefail

DATA=${DATA:-sighan15,sighan14,sighan13,wang271k}
DATA_ROOT=${DATA_ROOT:-} # or the variable NLPCL_DATA
BACKBONE=${BACKBONE:-hfl/chinese-macbert-base}
SEEDS=${SEEDS:-3}
OUT=${OUT:-runs/paper}
FLAGS=${FLAGS:-} # for example: --epochs 3 --precision bf16

# no-contrast and no-copy are without L_c and L_y; batch-negatives as in a public
# re-implementation; elementwise is the misreading h ⊙ w instead of h · Wᵀ.
VARIANTS=sdcl,no-contrast,no-copy,student-negatives,batch-negatives,elementwise

# shellcheck disable=SC2086
nlpcl ablate sdcl --preset paper --variants "$VARIANTS" --seeds "$SEEDS" --backbone "$BACKBONE" \
    --data "$DATA" ${DATA_ROOT:+--data-root "$DATA_ROOT"} --out "$OUT" $FLAGS
