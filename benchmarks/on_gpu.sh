#!/bin/sh
# All that a GPU is needed for, in one command of six minutes, for a machine that is lent for that long and has no network.
#
#   benchmarks/on_gpu.sh OUT [WHEELS]        on a GPU; results and logs in OUT
#   benchmarks/on_gpu.sh --rehearse OUT      the same at a tiny size on a CPU, to find mistakes before the GPU is lent
#   benchmarks/on_gpu.sh --wheels WHEELS     with a network: fetch the wheels that such a machine lacks
#
# 1. The loss in bf16 and fp16 against a float64 oracle, on the device.
# 2. A step at the shapes of GPT-2 and of SmolLM2-135M, random weights, beside TRL's: tokens/s, MFU, peak memory.
# 3. The loss alone: a sweep of chunk sizes, torch.compile of the chunk's body on and off, beside TRL's and Liger's.
#
# PYTHON names the interpreter, with a CUDA build of torch. --peak_tflops of a step is H100 SXM's unless PEAK_TFLOPS is set.
set -u
cd "$(dirname "$0")/.." || exit 1
PYTHON=${PYTHON:-python3}
# Not in a usual image for machine learning; torch, transformers, pytorch-lightning, peft, pytest and pyarrow are.
PACKAGES="omegaconf jsonargparse datasets trl liger-kernel hypothesis matplotlib psutil"

case "${1:-}" in
--wheels)
    mkdir -p "$2" && exec "$PYTHON" -m pip download --quiet --no-deps --dest "$2" $PACKAGES antlr4-python3-runtime \
        docstring-parser typeshed-client typing-extensions importlib-resources dill multiprocess xxhash
    ;;
--rehearse)
    shift
    STEP="--layers 2 --width 64 --block_size 32 --batch_size 2 --steps 1 --turns 1 --contenders plain counterfactual trl"
    LOSS="--tokens 64 --vocabularies 1000 --chunks 0 16 --repeats 1 --turns 1"
    TESTS_S=120 STEP_S=240 LOSS_S=120
    export OMP_NUM_THREADS=1
    ;;
*)
    STEP="--contenders plain counterfactual trl trl-chunked adapter trl-adapter --steps 10 --turns 1 --peak_tflops ${PEAK_TFLOPS:-989}"
    LOSS="--tokens 8192 --turns 1"
    TESTS_S=60 STEP_S=80 LOSS_S=60
    ;;
esac
OUT=${1:?say where the results go, see the head of this file}
WHEELS=${2:-}
mkdir -p "$OUT" || exit 1
export PYTHONPATH=. HF_HUB_OFFLINE=1
if [ -n "$WHEELS" ]; then
    ls "$WHEELS" | tee "$OUT/wheels.txt"
    "$PYTHON" -m pip install --quiet --no-index --no-deps "$WHEELS"/*.whl || exit 1
fi

failed=
run() { # name, seconds, command: what one part costs must not take the time of the next
    name=$1 limit=$2
    shift 2
    echo "== $name"
    timeout "$limit" "$@" >"$OUT/$name.log" 2>&1 || failed="$failed $name"
    tail -n 12 "$OUT/$name.log"
}
"$PYTHON" -c 'import torch; print(torch.__version__, torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU")' |
    tee "$OUT/machine.txt"
run tests $TESTS_S "$PYTHON" -m pytest -q -p no:cacheprovider tests/distill/losses/test_devices.py
# shellcheck disable=SC2086 # options, to be split
run step-gpt2 $STEP_S "$PYTHON" benchmarks/step.py $STEP --results "$OUT/step-gpt2.json"
# shellcheck disable=SC2086
run step-smollm2 $STEP_S "$PYTHON" benchmarks/step.py $STEP --shape smollm2 --results "$OUT/step-smollm2.json"
# shellcheck disable=SC2086
run loss-compiled $LOSS_S "$PYTHON" benchmarks/loss.py $LOSS --results "$OUT/loss-compiled.json"
# shellcheck disable=SC2086
run loss $LOSS_S "$PYTHON" benchmarks/loss.py $LOSS --no-compile --results "$OUT/loss.json"
[ -z "$failed" ] || { echo "failed, or out of time:$failed; see the logs in $OUT" >&2; exit 1; }
