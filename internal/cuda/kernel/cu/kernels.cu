// All kernels, for one image.
#include "norm.cu"
#include "front.cu"
#include "gemm.cu"
#include "attention.cu"
#include "fsmn.cu"
