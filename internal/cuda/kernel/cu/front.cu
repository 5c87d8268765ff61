// front: what enters the network. Query embeddings, or log-mel frames stacked by low frame rate (7 frames, a step of 6) and normalised; times √512; plus
// positions; layer norm over 560 without gain; fp16, padded to 576. One warp a row, eight rows a block of 256 threads. Grid: ceil(rows/8).
#include "prelude.h"

// Sequence says where a segment's rows, and its frames of log-mel, begin, and how many there are.
struct Sequence { int row, rows, frame, frames; };

extern "C" __global__ void __launch_bounds__(256) front(half *__restrict y, const float *__restrict mel, const float *__restrict shift, const float *__restrict scale,
	const float *__restrict embeddings, const int *__restrict queries, const float *__restrict positions, const Sequence *__restrict sequences,
	const int *__restrict sequence_of, int rows, float epsilon) {
	const int width = 560, padded = 576, bins = 80, step = 6, before = 3, query_rows = 4, per_lane = padded / 32;
	int row = block_x() * 8 + (thread_x() >> 5), lane = thread_x() & 31;
	if (row >= rows) return;
	int index = sequence_of[row];
	Sequence s = sequences[index];
	int t = row - s.row;
	float f[per_lane], sum = 0, squares = 0;
#pragma unroll
	for (int i = 0; i < per_lane; i++) {
		int d = lane + i * 32;
		float v = 0;
		if (d < width) {
			if (t < query_rows) v = embeddings[queries[index * query_rows + t] * width + d];
			else {
				int frame = (t - query_rows) * step + d / bins - before; // beyond either end the first or last frame is repeated
				frame = frame < 0 ? 0 : frame >= s.frames ? s.frames - 1 : frame;
				v = (mel[(u64)(s.frame + frame) * bins + d % bins] + shift[d]) * scale[d];
			}
			v = v * 22.627416997969522f + positions[t * width + d];
		}
		f[i] = v;
		sum += v;
	}
	float mean = warp_sum(sum) * (1.f / width);
#pragma unroll
	for (int i = 0; i < per_lane; i++) {
		f[i] = lane + i * 32 < width ? f[i] - mean : 0.f;
		squares += f[i] * f[i];
	}
	float norm = rsqrt_approx(warp_sum(squares) * (1.f / width) + epsilon);
#pragma unroll
	for (int i = 0; i < per_lane; i++) y[(u64)row * padded + lane + i * 32] = (half)(f[i] * norm);
}
