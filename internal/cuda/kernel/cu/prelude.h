// What kernels need of a GPU, without headers of the CUDA toolkit: clang compiles this alone. With -DEMULATE the same kernels are ordinary C++ over
// emulate.h, so that they can be tested on a machine without a GPU.
#pragma once
#ifdef EMULATE
#include "emulate.h"
#else
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define INLINE static __device__ __attribute__((always_inline)) inline
#define SHARED_MEMORY extern __shared__ __attribute__((aligned(128))) half shared[];
typedef unsigned int u32;
typedef unsigned long long u64;
typedef _Float16 half;
typedef half half2v __attribute__((ext_vector_type(2)));

INLINE int thread_x() { return __nvvm_read_ptx_sreg_tid_x(); }
INLINE int block_x() { return __nvvm_read_ptx_sreg_ctaid_x(); }
INLINE int block_y() { return __nvvm_read_ptx_sreg_ctaid_y(); }
INLINE void barrier() { __syncthreads(); }
INLINE float shuffle_xor(float v, int mask) { return __nvvm_shfl_sync_bfly_f32(0xffffffffu, v, mask, 31); }
INLINE int shuffle_xor(int v, int mask) { return __nvvm_shfl_sync_bfly_i32(0xffffffffu, v, mask, 31); }
INLINE float rsqrt_approx(float x) { return __nvvm_rsqrt_approx_f(x); }
INLINE float exp2_approx(float x) { return __nvvm_ex2_approx_ftz_f(x); }
INLINE float log2_approx(float x) { return __nvvm_lg2_approx_ftz_f(x); }
INLINE u32 shared_address(const void *p) { return (u32)(u64)(__attribute__((address_space(3))) const void *)p; }

// copy16 copies 16 bytes from global to shared memory while the thread goes on; where !inside it writes zeros and reads nothing.
INLINE void copy16(u32 to, const void *from, bool inside) {
	int bytes = inside ? 16 : 0;
	asm volatile("cp.async.cg.shared.global [%0],[%1],16,%2;" ::"r"(to), "l"(from), "r"(bytes));
}
INLINE void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// copy_wait waits until at most n groups of copies are under way.
template <int n> INLINE void copy_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(n) : "memory"); }

// load_matrices fills fragments with four 8x8 matrices, a row's address from each lane; load_transposed transposes them.
INLINE void load_matrices(u32 &a, u32 &b, u32 &c, u32 &d, u32 address) {
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3},[%4];" : "=r"(a), "=r"(b), "=r"(c), "=r"(d) : "r"(address) : "memory");
}
INLINE void load_transposed(u32 &a, u32 &b, u32 &c, u32 &d, u32 address) {
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3},[%4];" : "=r"(a), "=r"(b), "=r"(c), "=r"(d) : "r"(address) : "memory");
}
// multiply_add is c += a·b on the tensor cores: a 16x16, b 16x8 in fp16, c 16x8 in fp32.
INLINE void multiply_add(float *c, const u32 *a, u32 b0, u32 b1) {
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
		: "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
#endif

// clang 19 reads element 0 for __builtin_bit_cast(T, vector[i]): elements are copied to scalars first.

// pack makes two halves of floats. Values beyond fp16 become its largest, never infinity.
INLINE u32 pack(float x, float y) {
	half2v h;
	h.x = (half)__builtin_fminf(__builtin_fmaxf(x, -65504.f), 65504.f);
	h.y = (half)__builtin_fminf(__builtin_fmaxf(y, -65504.f), 65504.f);
	return __builtin_bit_cast(u32, h);
}
// pack_small is pack for values that are known to be within fp16.
INLINE u32 pack_small(float x, float y) {
	half2v h;
	h.x = (half)x;
	h.y = (half)y;
	return __builtin_bit_cast(u32, h);
}
INLINE void unpack(u32 u, float &x, float &y) {
	half2v h = __builtin_bit_cast(half2v, u);
	x = h.x;
	y = h.y;
}
// warp_sum adds a number over the 32 lanes of a warp.
INLINE float warp_sum(float v) {
#pragma unroll
	for (int mask = 16; mask; mask >>= 1) v += shuffle_xor(v, mask);
	return v;
}

const float log2_e = 1.44269504f, ln_2 = 0.69314718f, lowest = -3e38f;

// Tile is a run of frames of one sequence: rows start+first and on, of a sequence that has length rows.
struct Tile { int start, length, first, sequence; };
