// One block of a GPU on the host: a fiber for each of its threads, which run in turns from one meeting to the next, of the block or of a warp. Slow
// and exact. It does not see: a wait that is missing after an asynchronous copy, races between blocks, shared memory that is not zero at first.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <vector>
#define __global__
#define __launch_bounds__(...)
#define INLINE static inline
#define SHARED_MEMORY
typedef unsigned u32;
typedef unsigned long long u64;
typedef _Float16 half;
typedef half half2v __attribute__((ext_vector_type(2)));
extern half shared[];

// Meeting is where size fibers wait for one another.
struct Meeting { int size, arrived, round; };
struct Warp {
	Meeting meeting;
	const void *address[32];
	u32 words[32][8];
	float f[32];
	int i[32];
};
struct Fiber { ucontext_t context; bool done; };
inline int current_thread, current_x, current_y;
inline Warp *warps;
inline Meeting whole_block;
inline Fiber *fibers;
inline ucontext_t scheduler;

INLINE void wait_at(Meeting &m) {
	int round = m.round;
	if (++m.arrived == m.size) {
		m.arrived = 0;
		m.round++;
		return;
	}
	while (m.round == round) swapcontext(&fibers[current_thread].context, &scheduler);
}

INLINE int thread_x() { return current_thread; }
INLINE int block_x() { return current_x; }
INLINE int block_y() { return current_y; }
INLINE void barrier() { wait_at(whole_block); }
INLINE Warp &warp() { return warps[current_thread >> 5]; }
INLINE int lane_() { return current_thread & 31; }
INLINE void meet() { wait_at(warp().meeting); }
INLINE float shuffle_xor(float v, int mask) {
	Warp &w = warp();
	w.f[lane_()] = v;
	meet();
	float r = w.f[lane_() ^ mask];
	meet();
	return r;
}
INLINE int shuffle_xor(int v, int mask) {
	Warp &w = warp();
	w.i[lane_()] = v;
	meet();
	int r = w.i[lane_() ^ mask];
	meet();
	return r;
}
INLINE float rsqrt_approx(float x) { return 1.f / sqrtf(x); }
INLINE float exp2_approx(float x) { return exp2f(x); }
INLINE float log2_approx(float x) { return log2f(x); }
INLINE u32 shared_address(const void *p) { return (u32)((const char *)p - (const char *)shared); }
INLINE void copy16(u32 to, const void *from, bool inside) {
	if (inside) memcpy((char *)shared + to, from, 16);
	else memset((char *)shared + to, 0, 16);
}
INLINE void copy_commit() {}
template <int n> INLINE void copy_wait() {}

INLINE void load_fragments(u32 *out, u32 address, bool transposed) {
	Warp &w = warp();
	int l = lane_();
	w.address[l] = (char *)shared + address;
	meet();
	for (int i = 0; i < 4; i++) {
		half pair[2];
		for (int e = 0; e < 2; e++) {
			int row = transposed ? l % 4 * 2 + e : l / 4, column = transposed ? l / 4 : l % 4 * 2 + e;
			pair[e] = ((const half *)w.address[i * 8 + row])[column];
		}
		memcpy(&out[i], pair, 4);
	}
	meet();
}
INLINE void load_matrices(u32 &a, u32 &b, u32 &c, u32 &d, u32 address) {
	u32 r[4];
	load_fragments(r, address, false);
	a = r[0], b = r[1], c = r[2], d = r[3];
}
INLINE void load_transposed(u32 &a, u32 &b, u32 &c, u32 &d, u32 address) {
	u32 r[4];
	load_fragments(r, address, true);
	a = r[0], b = r[1], c = r[2], d = r[3];
}
INLINE void multiply_add(float *c, const u32 *a, u32 b0, u32 b1) {
	Warp &w = warp();
	int l = lane_();
	memcpy(w.words[l], a, 16);
	w.words[l][4] = b0, w.words[l][5] = b1;
	meet();
	auto element = [&](const u32 *pair, int which) {
		half h[2];
		memcpy(h, pair, 4);
		return (float)h[which];
	};
	for (int e = 0; e < 4; e++) {
		int row = l / 4 + (e >= 2) * 8, column = l % 4 * 2 + (e & 1);
		float sum = c[e];
		for (int k = 0; k < 16; k++)
			sum += element(&w.words[row % 8 * 4 + k % 8 / 2][(row >= 8) + 2 * (k >= 8)], k % 2) * element(&w.words[column * 4 + k % 8 / 2][4 + (k >= 8)], k % 2);
		c[e] = sum;
	}
	meet();
}

// launch runs f as each thread of each block of a grid, block after block.
template <class F> void launch(int blocks_x, int blocks_y, int threads, F f) {
	const size_t stack = 256 << 10;
	static F *running;
	running = &f;
	std::vector<char> stacks(stack * threads);
	fibers = new Fiber[threads];
	for (current_y = 0; current_y < blocks_y; current_y++)
		for (current_x = 0; current_x < blocks_x; current_x++) {
			warps = new Warp[threads / 32];
			for (int i = 0; i < threads / 32; i++) warps[i].meeting = {32, 0, 0};
			whole_block = {threads, 0, 0};
			for (int t = 0; t < threads; t++) {
				Fiber &fiber = fibers[t];
				getcontext(&fiber.context);
				fiber.context.uc_stack.ss_sp = stacks.data() + stack * t;
				fiber.context.uc_stack.ss_size = stack;
				fiber.context.uc_link = &scheduler;
				fiber.done = false;
				makecontext(&fiber.context, (void (*)()) + [] { (*running)(), fibers[current_thread].done = true; }, 0);
			}
			for (int left = threads; left;)
				for (int t = 0; t < threads; t++) {
					if (fibers[t].done) continue;
					current_thread = t;
					swapcontext(&scheduler, &fibers[t].context);
					left -= fibers[t].done;
				}
			delete[] warps;
		}
	delete[] fibers;
}
