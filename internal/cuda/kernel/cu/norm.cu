// layer_norm: rows of 512 in fp32 to fp16, without gain and offset, which are folded into the product that follows. One warp a row, eight
// rows a block of 256 threads. Grid: ceil(rows/8).
#include "prelude.h"

extern "C" __global__ void __launch_bounds__(256) layer_norm(half *__restrict y, const float *__restrict x, int rows, int stride, float epsilon) {
	typedef float float4v __attribute__((ext_vector_type(4)));
	typedef u32 u32x2 __attribute__((ext_vector_type(2)));
	const int width = 512;
	int row = block_x() * 8 + (thread_x() >> 5), lane = thread_x() & 31;
	if (row >= rows) return;
	const float4v *in = (const float4v *)(x + (u64)row * width);
	float f[16], sum = 0, squares = 0;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		float4v v = in[lane + i * 32];
		f[i * 4] = v.x, f[i * 4 + 1] = v.y, f[i * 4 + 2] = v.z, f[i * 4 + 3] = v.w;
		sum += v.x + v.y + v.z + v.w;
	}
	float mean = warp_sum(sum) * (1.f / width);
#pragma unroll
	for (int i = 0; i < 16; i++) {
		f[i] -= mean;
		squares += f[i] * f[i];
	}
	float scale = rsqrt_approx(warp_sum(squares) * (1.f / width) + epsilon);
#pragma unroll
	for (int i = 0; i < 4; i++) {
		u32x2 out;
		out.x = pack(f[i * 4] * scale, f[i * 4 + 1] * scale);
		out.y = pack(f[i * 4 + 2] * scale, f[i * 4 + 3] * scale);
		*(u32x2 *)(y + (u64)row * stride + (lane + i * 32) * 4) = out;
	}
}
