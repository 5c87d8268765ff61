#!/bin/sh
# Writes the assembly of every kernel beside the Go files that declare it.
set -e
cd "$(dirname "$0")"
for kernel in argmax convert dot fsmn gemm norm peak softmax; do
	go run "./$kernel" -out "../${kernel}_amd64.s" -pkg kernel
done
