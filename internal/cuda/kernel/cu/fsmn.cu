// fsmn_add, fsmn_set: the memory of a block. X[row][c] (+)= sum over 11 taps of W[tap][c]·V[row+tap-5][c] inside each sequence, zero
// outside. The model's "+ v" is folded into tap 5. 256 threads for 512 channels, 32 rows a block. Grid: tiles of 32 rows.
#include "prelude.h"

template <bool add> INLINE void fsmn(float *__restrict X, const half *__restrict V, const float *__restrict W, const Tile *__restrict tiles, int stride) {
	const int taps = 11, left = 5, width = 512, rows = 32;
	Tile tile = tiles[block_x()];
	int c = thread_x() * 2; // two channels a thread
	float w[taps][2], v[taps][2];
#pragma unroll
	for (int j = 0; j < taps; j++) w[j][0] = W[j * width + c], w[j][1] = W[j * width + c + 1];
	const half *values = V + (u64)tile.start * stride + c;
	auto load = [&](int row, float *to) {
		if (row >= 0 && row < tile.length) unpack(*(const u32 *)(values + (u64)row * stride), to[0], to[1]);
		else to[0] = to[1] = 0;
	};
#pragma unroll
	for (int j = 0; j < taps - 1; j++) load(tile.first + j - left, v[j]);
	int end = tile.first + rows < tile.length ? tile.first + rows : tile.length;
	for (int row = tile.first; row < end; row++) {
		load(row + left, v[taps - 1]);
		float a = 0, b = 0;
#pragma unroll
		for (int j = 0; j < taps; j++) {
			a += w[j][0] * v[j][0];
			b += w[j][1] * v[j][1];
		}
		float *x = X + (u64)(tile.start + row) * width + c;
		if (add) a += x[0], b += x[1];
		x[0] = a, x[1] = b;
#pragma unroll
		for (int j = 0; j < taps - 1; j++) v[j][0] = v[j + 1][0], v[j][1] = v[j + 1][1];
	}
}

extern "C" __global__ void __launch_bounds__(256) fsmn_add(float *X, const half *V, const float *W, const Tile *tiles, int stride) { fsmn<true>(X, V, W, tiles, stride); }
extern "C" __global__ void __launch_bounds__(256) fsmn_set(float *X, const half *V, const float *W, const Tile *tiles, int stride) { fsmn<false>(X, V, W, tiles, stride); }
