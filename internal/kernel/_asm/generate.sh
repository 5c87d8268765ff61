#!/bin/sh
# Writes the assembly of every kernel beside the Go files that declare it.
set -e
cd "$(dirname "$0")"
for kernel in argmax convert dot fsmn norm peak softmax; do
	go run "./$kernel" -out "../${kernel}_amd64.s" -pkg kernel
done
for isa in avx2 avx512; do
	go run ./gemm -isa "$isa" -out "../gemm_${isa}_amd64.s" -pkg kernel
done
