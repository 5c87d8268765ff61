// What the kernels compute, in plain C, for the stub's cuLaunchKernel: enough to run them by name on a machine without a GPU. Parameters lie as the
// kernels' signatures have them.
#include "cuda.h"
#include <math.h>
#include <string.h>

typedef _Float16 half;
struct tile { int start, length, first, sequence; };

static float clamp(double x) { return x > 65504 ? 65504 : x < -65504 ? -65504 : (float)x; }

struct norm { half *y; const float *x; int rows, stride; float epsilon; };
static void layer_norm(const struct norm *p) {
	for (int r = 0; r < p->rows; r++) {
		const float *x = p->x + r * 512;
		double mean = 0, variance = 0;
		for (int i = 0; i < 512; i++) mean += x[i] / 512.;
		for (int i = 0; i < 512; i++) variance += (x[i] - mean) * (x[i] - mean) / 512.;
		for (int i = 0; i < 512; i++) p->y[r * p->stride + i] = (half)clamp((x[i] - mean) / sqrt(variance + p->epsilon));
	}
}

struct sequence { int row, rows, frame, frames; };
struct fronting {
	half *y; const float *mel, *shift, *scale, *embeddings; const int *queries; const float *positions; const struct sequence *sequences; const int *sequence_of;
	int rows; float epsilon;
};
static void front(const struct fronting *p) {
	for (int r = 0; r < p->rows; r++) {
		int index = p->sequence_of[r], t = r - p->sequences[index].row;
		const struct sequence *s = &p->sequences[index];
		double x[560], mean = 0, variance = 0;
		for (int d = 0; d < 560; d++) {
			int frame = (t - 4) * 6 + d / 80 - 3;
			frame = frame < 0 ? 0 : frame >= s->frames ? s->frames - 1 : frame;
			x[d] = t < 4 ? p->embeddings[p->queries[index * 4 + t] * 560 + d] : ((double)p->mel[(s->frame + frame) * 80 + d % 80] + p->shift[d]) * p->scale[d];
			x[d] = x[d] * sqrt(512) + p->positions[t * 560 + d];
			mean += x[d] / 560;
		}
		for (int d = 0; d < 560; d++) variance += (x[d] - mean) * (x[d] - mean) / 560;
		for (int d = 0; d < 576; d++) p->y[r * 576 + d] = (half)(d < 560 ? clamp((x[d] - mean) / sqrt(variance + p->epsilon)) : 0);
	}
}

struct partial { float largest, sum; int id, unused; };
struct product { void *out; const half *A, *W; const float *bias; int M, N, K, stride_a, stride_out; };

static double logit(const struct product *p, int m, int n) {
	double s = p->bias[n];
	for (int k = 0; k < p->K; k++) s += (double)p->A[m * p->stride_a + k] * (double)p->W[n * p->K + k];
	return s;
}

static void gemm(const struct product *p, const char *finish) {
	for (int m = 0; m < p->M; m++)
		for (int n = 0; n < p->N; n++) {
			double s = logit(p, m, n);
			int at = m * p->stride_out + n;
			if (!strcmp(finish, "add")) ((float *)p->out)[at] += (float)s;
			else ((half *)p->out)[at] = (half)clamp(!strcmp(finish, "relu") && s < 0 ? 0 : s);
		}
}

static void gemm_argmax(const struct product *p) {
	for (int m = 0; m < p->M; m++)
		for (int tile = 0; tile < p->N / 128; tile++) {
			struct partial best = {-3e38f, 0, 0, 0};
			for (int n = tile * 128; n < tile * 128 + 128; n++) {
				float x = (float)logit(p, m, n);
				if (x > best.largest) best.largest = x, best.id = n;
			}
			for (int n = tile * 128; n < tile * 128 + 128; n++) best.sum += (float)exp(logit(p, m, n) - best.largest);
			((struct partial *)p->out)[m * (p->N / 128) + tile] = best;
		}
}

struct merging { int *ids; float *log_probs; const struct partial *partials; int rows, tiles; };
static void merge_argmax(const struct merging *p) {
	for (int r = 0; r < p->rows; r++) {
		const struct partial *row = p->partials + r * p->tiles, *best = row;
		for (int i = 1; i < p->tiles; i++)
			if (row[i].largest > best->largest) best = row + i;
		double sum = 0;
		for (int i = 0; i < p->tiles; i++) sum += row[i].sum * exp((double)row[i].largest - best->largest);
		p->ids[r] = best->id, p->log_probs[r] = (float)-log(sum);
	}
}

struct attending { half *O; const half *QKV; const struct tile *tiles; float scale; int stride; };
static void attention(const struct attending *p, u32 count) {
	for (u32 t = 0; t < count; t++)
		for (int h = 0; h < 512; h += 128)
			for (int i = 0; i < 64 && p->tiles[t].first + i < p->tiles[t].length; i++) {
				const struct tile *tile = &p->tiles[t];
				const half *q = p->QKV + (tile->start + tile->first + i) * 1536 + h;
				double sum = 0, out[128] = {0};
				for (int j = 0; j < tile->length; j++) {
					const half *k = p->QKV + (tile->start + j) * 1536 + 512 + h;
					double dot = 0;
					for (int c = 0; c < 128; c++) dot += (double)q[c] * (double)k[c];
					double w = exp2(dot * p->scale);
					sum += w;
					for (int c = 0; c < 128; c++) out[c] += w * (double)k[512 + c];
				}
				for (int c = 0; c < 128; c++) p->O[(tile->start + tile->first + i) * p->stride + h + c] = (half)(out[c] / sum);
			}
}

struct remembering { float *X; const half *V; const float *W; const struct tile *tiles; int stride; };
static void fsmn(const struct remembering *p, u32 count, int add) {
	for (u32 t = 0; t < count; t++)
		for (int i = 0; i < 32 && p->tiles[t].first + i < p->tiles[t].length; i++)
			for (int c = 0; c < 512; c++) {
				const struct tile *tile = &p->tiles[t];
				int row = tile->first + i;
				float *x = p->X + (tile->start + row) * 512 + c;
				double sum = add ? *x : 0;
				for (int j = 0; j < 11; j++)
					if (row + j - 5 >= 0 && row + j - 5 < tile->length) sum += p->W[j * 512 + c] * (double)p->V[(tile->start + row + j - 5) * p->stride + c];
				*x = (float)sum;
			}
}

// host_kernel runs a kernel by name.
int host_kernel(const char *name, const u32 *grid, void *parameters) {
	if (!strcmp(name, "layer_norm")) layer_norm(parameters);
	else if (!strcmp(name, "front")) front(parameters);
	else if (!strcmp(name, "gemm_argmax")) gemm_argmax(parameters);
	else if (!strncmp(name, "gemm_", 5)) gemm(parameters, name + 5);
	else if (!strcmp(name, "merge_argmax")) merge_argmax(parameters);
	else if (!strcmp(name, "attention")) attention(parameters, grid[0]);
	else if (!strcmp(name, "fsmn_add")) fsmn(parameters, grid[0], 1);
	else if (!strcmp(name, "fsmn_set")) fsmn(parameters, grid[0], 0);
	else return NOT_FOUND;
	return 0;
}
