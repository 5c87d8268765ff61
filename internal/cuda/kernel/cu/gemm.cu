// gemm_bias, gemm_relu, gemm_add, gemm_argmax: products A[M,K]·W[N,K]ᵀ of fp16 with fp32 sums, and what is done with them at once. Tiles of 128x128 by 32
// deep, eight warps (2 down, 4 across), three stages of asynchronous copies in 48 KiB of shared memory. K is a multiple of 32, N of 128, the stride of
// A of 8 elements; M is free. Grid: (N/128, ceil(M/128)), 256 threads. Sums run along K in one order: a row does not depend on its neighbours.
#include "prelude.h"

enum Finish { Bias, ReLU, Add, ArgMax };

const int tile_m = 128, tile_n = 128, depth = 32, stages = 3;

// Partial is what arg-max keeps of a row and a tile of the vocabulary: the largest logit, the sum of exponentials beneath it, its id.
struct Partial { float largest, sum; int id, unused; };

// merge takes another partial in. Equal logits go to the lower id.
INLINE void merge(float &largest, float &sum, int &id, float other_largest, float other_sum, int other_id) {
	float top = __builtin_fmaxf(largest, other_largest);
	sum = sum * exp2_approx((largest - top) * log2_e) + other_sum * exp2_approx((other_largest - top) * log2_e);
	if (other_largest > largest || (other_largest == largest && other_id < id)) id = other_id;
	largest = top;
}

template <Finish finish>
INLINE void gemm(void *__restrict out, const half *__restrict A, const half *__restrict W, const float *__restrict bias, int M, int N, int K, int stride_a, int stride_out) {
	SHARED_MEMORY
	half *As = shared, *Ws = shared + stages * tile_m * depth;
	int t = thread_x(), warp_index = t >> 5, lane = t & 31, warp_m = warp_index & 1, warp_n = warp_index >> 1;
	int m0 = block_y() * tile_m, n0 = block_x() * tile_n, steps = K / depth;
	float sums[4][4][4];
#pragma unroll
	for (int i = 0; i < 64; i++) (&sums[0][0][0])[i] = 0;

	// place is where 8 elements of a row lie in a stage: swizzled, so that neither copies nor loads of fragments meet in a bank.
	auto place = [](half *stage, int row, int eighth) { return shared_address(stage + row * depth + (eighth ^ ((row >> 1) & 3)) * 8); };
	auto copy = [&](int stage, int step) {
#pragma unroll
		for (int i = 0; i < 2; i++) {
			int c = t + i * 256, row = c >> 2, eighth = c & 3;
			bool inside = m0 + row < M;
			copy16(place(As + stage * tile_m * depth, row, eighth), A + (u64)(inside ? m0 + row : 0) * stride_a + step * depth + eighth * 8, inside);
			copy16(place(Ws + stage * tile_n * depth, row, eighth), W + (u64)(n0 + row) * K + step * depth + eighth * 8, true);
		}
	};
#pragma unroll
	for (int s = 0; s < stages - 1; s++) {
		if (s < steps) copy(s, s);
		copy_commit();
	}
	for (int step = 0; step < steps; step++) {
		copy_wait<stages - 2>();
		barrier();
		int next = step + stages - 1;
		if (next < steps) copy(next % stages, next);
		copy_commit();
		half *a = As + step % stages * tile_m * depth, *w = Ws + step % stages * tile_n * depth;
#pragma unroll
		for (int k = 0; k < 2; k++) {
			u32 fa[4][4], fw[4][2];
#pragma unroll
			for (int i = 0; i < 4; i++)
				load_matrices(fa[i][0], fa[i][1], fa[i][2], fa[i][3], place(a, warp_m * 64 + i * 16 + (lane & 15), k * 2 + (lane >> 4)));
#pragma unroll
			for (int j = 0; j < 2; j++)
				load_matrices(fw[j * 2][0], fw[j * 2][1], fw[j * 2 + 1][0], fw[j * 2 + 1][1],
					place(w, warp_n * 32 + j * 16 + (lane & 7) + ((lane >> 4) << 3), k * 2 + ((lane >> 3) & 1)));
#pragma unroll
			for (int i = 0; i < 4; i++)
#pragma unroll
				for (int j = 0; j < 4; j++) multiply_add(sums[i][j], fa[i], fw[j][0], fw[j][1]);
		}
	}
	if (finish == ArgMax) {
		copy_wait<0>();
		barrier();
	}
	Partial *of_warps = (Partial *)shared; // ArgMax: [4 warps across][128 rows]
#pragma unroll
	for (int i = 0; i < 4; i++)
#pragma unroll
		for (int h = 0; h < 2; h++) {
			int in_tile = warp_m * 64 + i * 16 + (lane >> 2) + h * 8, m = m0 + in_tile;
			float largest = lowest, sum = 0;
			int id = 0x7fffffff;
#pragma unroll
			for (int j = 0; j < 4; j++) {
				int n = n0 + warp_n * 32 + j * 8 + (lane & 3) * 2;
				float x = sums[i][j][h * 2] + bias[n], y = sums[i][j][h * 2 + 1] + bias[n + 1];
				if (finish == ReLU) x = __builtin_fmaxf(x, 0.f), y = __builtin_fmaxf(y, 0.f);
				if ((finish == Bias || finish == ReLU) && m < M) *(u32 *)((half *)out + (u64)m * stride_out + n) = pack(x, y);
				if (finish == Add && m < M) {
					float *to = (float *)out + (u64)m * stride_out + n;
					to[0] += x, to[1] += y;
				}
				if (finish == ArgMax) {
					sums[i][j][h * 2] = x, sums[i][j][h * 2 + 1] = y;
					if (x > largest) largest = x, id = n;
					if (y > largest) largest = y, id = n + 1;
				}
			}
			if (finish != ArgMax) continue;
#pragma unroll
			for (int j = 0; j < 4; j++)
				sum += exp2_approx((sums[i][j][h * 2] - largest) * log2_e) + exp2_approx((sums[i][j][h * 2 + 1] - largest) * log2_e);
#pragma unroll
			for (int k = 1; k < 4; k <<= 1) {
				float other = shuffle_xor(largest, k), other_sum = shuffle_xor(sum, k);
				merge(largest, sum, id, other, other_sum, shuffle_xor(id, k));
			}
			if ((lane & 3) == 0) of_warps[warp_n * tile_m + in_tile] = {largest, sum, id, 0};
		}
	if (finish != ArgMax) return;
	barrier();
	if (t < tile_m && m0 + t < M) {
		Partial p = of_warps[t];
		for (int k = 1; k < 4; k++) {
			Partial o = of_warps[k * tile_m + t];
			merge(p.largest, p.sum, p.id, o.largest, o.sum, o.id);
		}
		((Partial *)out)[(u64)(m0 + t) * (N / tile_n) + block_x()] = p;
	}
}

#define GEMM(name, finish) \
	extern "C" __global__ void __launch_bounds__(256, 2) \
	name(void *out, const half *A, const half *W, const float *bias, int M, int N, int K, int stride_a, int stride_out) { \
		gemm<finish>(out, A, W, bias, M, N, K, stride_a, stride_out); \
	}
GEMM(gemm_bias, Bias)     // fp16 out
GEMM(gemm_relu, ReLU)     // fp16 out
GEMM(gemm_add, Add)       // out += in fp32
GEMM(gemm_argmax, ArgMax) // a Partial for each row and 128 columns; columns that pad have a bias of -1e30

// merge_argmax makes of a row's partials its id and log-probability. One warp a row, 256 threads. Grid: ceil(rows/8).
extern "C" __global__ void __launch_bounds__(256) merge_argmax(int *__restrict ids, float *__restrict log_probs, const Partial *__restrict partials, int rows, int tiles) {
	int row = block_x() * 8 + (thread_x() >> 5), lane = thread_x() & 31;
	if (row >= rows) return;
	float largest = lowest, sum = 0;
	int id = 0x7fffffff;
	for (int k = lane; k < tiles; k += 32) {
		Partial p = partials[(u64)row * tiles + k];
		merge(largest, sum, id, p.largest, p.sum, p.id);
	}
#pragma unroll
	for (int k = 1; k < 32; k <<= 1) {
		float other = shuffle_xor(largest, k), other_sum = shuffle_xor(sum, k);
		merge(largest, sum, id, other, other_sum, shuffle_xor(id, k));
	}
	if (lane == 0) ids[row] = id, log_probs[row] = -log2_approx(sum) * ln_2;
}
