#!/bin/sh
# Compiles the kernels to PTX 7.0 for sm_80, which drivers from 450 on load for every GPU since Ampere. The output of one version of clang is the same
# on every machine, so where clang-19 is, this changes nothing unless the source did; where it is not, nothing is done. No CUDA toolkit is needed.
set -e
cd "$(dirname "$0")"
if ! command -v clang-19 >/dev/null 2>&1; then
	echo "clang-19 is not installed: kernels.ptx stays as it is" >&2
	exit 0
fi
clang-19 -x cuda --cuda-device-only -nocudainc -nocudalib -std=c++17 -O3 -S --cuda-gpu-arch=sm_80 --cuda-feature=+ptx70 cu/kernels.cu -o kernels.ptx
cat cu/prelude.h cu/norm.cu cu/front.cu cu/gemm.cu cu/attention.cu cu/fsmn.cu cu/kernels.cu | sha256sum | cut -d' ' -f1 >kernels.sum
