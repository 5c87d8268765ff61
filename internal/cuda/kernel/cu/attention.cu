// attention: softmax(q·kᵀ/√128)·v, each sequence for itself, heads of 128, without a matrix of scores. 64 queries by 64 keys a step, four warps; keys of
// the next step arrive during the softmax, values during the product before. QKV [M][1536] fp16 holds queries, keys, values, a head every 128; O [M][stride].
// scale is log2(e)/√128. 48 KiB of shared memory, 128 threads. Grid: (tiles of 64 queries, 4 heads).
#include "prelude.h"

extern "C" __global__ void __launch_bounds__(128) attention(half *__restrict O, const half *__restrict QKV, const Tile *__restrict tiles, float scale, int stride) {
	SHARED_MEMORY
	const int head = 128, block = 64, width = 1536, keys = 512, values = 1024;
	half *Qs = shared, *Ks = shared + block * head, *Vs = shared + 2 * block * head;
	Tile tile = tiles[block_x()];
	int h = block_y(), t = thread_x(), warp_index = t >> 5, lane = t & 31;
	const half *base = QKV + (u64)tile.start * width + h * head;

	auto place = [](half *matrix, int row, int eighth) { return shared_address(matrix + row * head + (eighth ^ (row & 7)) * 8); };
	auto copy = [&](half *to, const half *from, int first) {
#pragma unroll
		for (int i = 0; i < 8; i++) {
			int c = t + i * 128, row = c >> 4, eighth = c & 15;
			bool inside = first + row < tile.length;
			copy16(place(to, row, eighth), from + (u64)(inside ? first + row : 0) * width + eighth * 8, inside);
		}
	};
	copy(Qs, base, tile.first);
	copy(Ks, base + keys, 0);
	copy_commit();
	copy(Vs, base + values, 0);
	copy_commit();
	copy_wait<1>();
	barrier();
	u32 q[8][4];
#pragma unroll
	for (int k = 0; k < 8; k++) load_matrices(q[k][0], q[k][1], q[k][2], q[k][3], place(Qs, warp_index * 16 + (lane & 15), k * 2 + (lane >> 4)));

	// A lane has two rows of queries: lane/4 and that plus 8. For each: the largest score so far and the sum of exponentials beneath it.
	float o[16][4], largest0 = -1e30f, largest1 = -1e30f, sum0 = 0, sum1 = 0;
#pragma unroll
	for (int i = 0; i < 64; i++) (&o[0][0])[i] = 0;
	int steps = (tile.length + block - 1) / block;
	for (int step = 0; step < steps; step++) {
		copy_wait<1>(); // these keys are there; these values may still fly
		barrier();
		float s[8][4];
#pragma unroll
		for (int i = 0; i < 32; i++) (&s[0][0])[i] = 0;
#pragma unroll
		for (int k = 0; k < 8; k++)
#pragma unroll
			for (int n = 0; n < 4; n++) {
				u32 b[4];
				load_matrices(b[0], b[1], b[2], b[3], place(Ks, n * 16 + (lane & 7) + ((lane >> 4) << 3), k * 2 + ((lane >> 3) & 1)));
				multiply_add(s[n * 2], q[k], b[0], b[1]);
				multiply_add(s[n * 2 + 1], q[k], b[2], b[3]);
			}
		barrier();
		if (step + 1 < steps) copy(Ks, base + keys, (step + 1) * block);
		copy_commit();

		float top0 = largest0, top1 = largest1;
#pragma unroll
		for (int i = 0; i < 8; i++)
#pragma unroll
			for (int e = 0; e < 4; e++) {
				if (step * block + i * 8 + (lane & 3) * 2 + (e & 1) >= tile.length) s[i][e] = -1e30f;
				if (e < 2) top0 = __builtin_fmaxf(top0, s[i][e]);
				else top1 = __builtin_fmaxf(top1, s[i][e]);
			}
#pragma unroll
		for (int k = 1; k < 4; k <<= 1) {
			top0 = __builtin_fmaxf(top0, shuffle_xor(top0, k));
			top1 = __builtin_fmaxf(top1, shuffle_xor(top1, k));
		}
		float shrink0 = exp2_approx((largest0 - top0) * scale), shrink1 = exp2_approx((largest1 - top1) * scale);
		float from0 = top0 * scale, from1 = top1 * scale;
		largest0 = top0, largest1 = top1;
		sum0 *= shrink0, sum1 *= shrink1;
#pragma unroll
		for (int i = 0; i < 16; i++) o[i][0] *= shrink0, o[i][1] *= shrink0, o[i][2] *= shrink1, o[i][3] *= shrink1;
		u32 p[4][4];
#pragma unroll
		for (int i = 0; i < 8; i++) {
			float a = exp2_approx(s[i][0] * scale - from0), b = exp2_approx(s[i][1] * scale - from0);
			float c = exp2_approx(s[i][2] * scale - from1), d = exp2_approx(s[i][3] * scale - from1);
			sum0 += a + b, sum1 += c + d;
			p[i >> 1][(i & 1) * 2] = pack_small(a, b);
			p[i >> 1][(i & 1) * 2 + 1] = pack_small(c, d);
		}
		copy_wait<1>(); // these values are there; the next keys may still fly
		barrier();
#pragma unroll
		for (int k = 0; k < 4; k++)
#pragma unroll
			for (int n = 0; n < 8; n++) {
				u32 b[4];
				load_transposed(b[0], b[1], b[2], b[3], place(Vs, k * 16 + (lane & 7) + ((lane >> 3) & 1) * 8, n * 2 + (lane >> 4)));
				multiply_add(o[n * 2], p[k], b[0], b[1]);
				multiply_add(o[n * 2 + 1], p[k], b[2], b[3]);
			}
		barrier();
		if (step + 1 < steps) copy(Vs, base + values, (step + 1) * block);
		copy_commit();
	}
#pragma unroll
	for (int k = 1; k < 4; k <<= 1) sum0 += shuffle_xor(sum0, k), sum1 += shuffle_xor(sum1, k);
	float inverse0 = 1.f / sum0, inverse1 = 1.f / sum1;
	int row = tile.first + warp_index * 16 + (lane >> 2);
#pragma unroll
	for (int i = 0; i < 16; i++) {
		int c = h * head + i * 8 + (lane & 3) * 2;
		if (row < tile.length) *(u32 *)(O + (u64)(tile.start + row) * stride + c) = pack_small(o[i][0] * inverse0, o[i][1] * inverse0);
		if (row + 8 < tile.length) *(u32 *)(O + (u64)(tile.start + row + 8) * stride + c) = pack_small(o[i][2] * inverse1, o[i][3] * inverse1);
	}
}
