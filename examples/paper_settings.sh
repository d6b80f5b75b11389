#!/usr/bin/env bash
# SDCL as in its paper (MacBERT, batch 48, learning rate 7e-5, 20 epochs), and what each part is
# worth. The encoder is fetched from the model hub; give a folder as BACKBONE without a network.
#
#   DATA_ROOT=/path/to/corpora bash examples/paper_settings.sh
set -euo pipefail

DATA=${DATA:-sighan15,sighan14,sighan13,wang271k}
DATA_ROOT=${DATA_ROOT:-.}
BACKBONE=${BACKBONE:-hfl/chinese-macbert-base}
OUT=${OUT:-runs/paper}
FLAGS=${FLAGS:-} # for example: --epochs 3 --precision bf16

train() {
    local name=$1
    shift
    # shellcheck disable=SC2086
    nlpcl train sdcl --preset paper --backbone "$BACKBONE" --data "$DATA" --data-root "$DATA_ROOT" \
        --out "$OUT/$name" $FLAGS "$@"
}

train sdcl
train no-contrast --beta 0                 # without L_c
train no-copy --alpha 0                    # without L_y
train student-negatives --negatives student
train batch-negatives --negatives batch    # as in a public re-implementation
train elementwise --output-layer elementwise # the misreading: h ⊙ w instead of h · Wᵀ
