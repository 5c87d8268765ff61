// Holds the kernels against double precision, on the host: clang++-19 -DEMULATE -x c++ -std=c++17 -O1 emulate_test.cc
#include "kernels.cu"

alignas(128) half shared[128 * 1024];

static float any() { return (float)(rand() % 2001 - 1000) / 1000.f; }
typedef std::vector<half> Halves;
typedef std::vector<float> Floats;
static Halves halves(size_t n) { Halves v(n); for (auto &x : v) x = (half)any(); return v; }
static Floats floats(size_t n) { Floats v(n); for (auto &x : v) x = any(); return v; }

// Error is a relative distance, of all numbers together.
struct Error {
	double squares = 0, reference = 0;
	void add(double got, double want) { squares += (got - want) * (got - want), reference += want * want; }
	void report(const char *name, double tolerance) {
		double e = sqrt(squares / reference);
		printf("%s %.2e\n", name, e);
		if (!(e < tolerance)) printf("FAIL %s: error %.2e, tolerance %.0e\n", name, e, tolerance), exit(1);
	}
};

static void products() {
	const int M = 150, N = 128, K = 96, stride = 104;
	for (int finish = 0; finish < 3; finish++) {
		Halves A = halves(M * stride), W = halves(N * K), out(M * N, (half)-99);
		Floats bias = floats(N), X = floats(M * N), before = X;
		launch(1, 2, 256, [&] {
			if (finish == 0) gemm_bias(out.data(), A.data(), W.data(), bias.data(), M, N, K, stride, N);
			if (finish == 1) gemm_relu(out.data(), A.data(), W.data(), bias.data(), M, N, K, stride, N);
			if (finish == 2) gemm_add(X.data(), A.data(), W.data(), bias.data(), M, N, K, stride, N);
		});
		Error e;
		for (int m = 0; m < M; m++)
			for (int n = 0; n < N; n++) {
				double s = bias[n];
				for (int k = 0; k < K; k++) s += (double)(float)A[m * stride + k] * (double)(float)W[n * K + k];
				if (finish == 1 && s < 0) s = 0;
				if (finish == 2) s += before[m * N + n];
				e.add(finish == 2 ? X[m * N + n] : (double)(float)out[m * N + n], s);
			}
		e.report(finish == 0 ? "gemm_bias" : finish == 1 ? "gemm_relu" : "gemm_add", finish == 2 ? 1e-6 : 1e-3);
	}
}

static void arg_max() { // three tiles of the vocabulary, the last one padded
	const int M = 37, N = 384, K = 64, vocabulary = 300;
	Halves A = halves(M * K), W = halves(N * K);
	Floats bias(N, -1e30f), log_probs(M);
	std::vector<Partial> partials(M * 3);
	std::vector<int> ids(M);
	for (int i = 0; i < vocabulary; i++) bias[i] = any();
	launch(3, 1, 256, [&] { gemm_argmax(partials.data(), A.data(), W.data(), bias.data(), M, N, K, K, 0); });
	launch((M + 7) / 8, 1, 256, [&] { merge_argmax(ids.data(), log_probs.data(), partials.data(), M, 3); });
	Error e;
	for (int m = 0; m < M; m++) {
		double top = -1e9, z = 0;
		int best = -1;
		std::vector<double> s(vocabulary);
		for (int n = 0; n < vocabulary; n++) {
			s[n] = bias[n];
			for (int k = 0; k < K; k++) s[n] += (double)(float)A[m * K + k] * (double)(float)W[n * K + k];
			if (s[n] > top) top = s[n], best = n;
		}
		for (double x : s) z += exp(x - top);
		if (best != ids[m]) printf("FAIL arg-max of row %d: %d, want %d\n", m, ids[m], best), exit(1);
		e.add(log_probs[m], -log(z));
	}
	e.report("gemm_argmax", 1e-5);
}

static void norms() {
	const int rows = 11, width = 512;
	Floats X(rows * width);
	Halves Y(rows * width);
	for (auto &x : X) x = any() * 300 + 100;
	launch(2, 1, 256, [&] { layer_norm(Y.data(), X.data(), rows, width, 1e-5f); });
	Error e;
	for (int r = 0; r < rows; r++) {
		double mean = 0, variance = 0;
		for (int i = 0; i < width; i++) mean += X[r * width + i] / (double)width;
		for (int i = 0; i < width; i++) variance += (X[r * width + i] - mean) * (X[r * width + i] - mean) / width;
		for (int i = 0; i < width; i++) e.add((double)(float)Y[r * width + i], (X[r * width + i] - mean) / sqrt(variance + 1e-5));
	}
	e.report("layer_norm", 1e-3);
}

static void fronts() {
	Floats mel = floats(25 * 80), shift = floats(560), scale = floats(560), embeddings = floats(16 * 560), positions = floats(32 * 560);
	int queries[8] = {3, 1, 2, 14, 0, 1, 2, 15};
	Sequence s[2] = {{0, 8, 0, 20}, {8, 5, 20, 5}};
	std::vector<int> of = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1};
	Halves Y(13 * 576, (half)7);
	launch(2, 1, 256, [&] { front(Y.data(), mel.data(), shift.data(), scale.data(), embeddings.data(), queries, positions.data(), s, of.data(), 13, 1e-5f); });
	Error e;
	for (int row = 0; row < 13; row++) {
		Sequence q = s[of[row]];
		int t = row - q.row;
		double x[576] = {0}, mean = 0, variance = 0;
		for (int d = 0; d < 560; d++) {
			if (t < 4) x[d] = embeddings[queries[of[row] * 4 + t] * 560 + d];
			else {
				int frame = std::max(0, std::min((t - 4) * 6 + d / 80 - 3, q.frames - 1));
				x[d] = ((double)mel[(q.frame + frame) * 80 + d % 80] + shift[d]) * scale[d];
			}
			x[d] = x[d] * sqrt(512.0) + positions[t * 560 + d];
			mean += x[d] / 560;
		}
		for (int d = 0; d < 560; d++) variance += (x[d] - mean) * (x[d] - mean) / 560;
		for (int d = 0; d < 576; d++) e.add((double)(float)Y[row * 576 + d], d < 560 ? (x[d] - mean) / sqrt(variance + 1e-5) : 0);
	}
	e.report("front", 1e-3);
}

static void attentions() {
	const int lengths[2] = {70, 9}, M = 79;
	Halves Q = halves(M * 1536), O(M * 512, (half)-99);
	std::vector<Tile> tiles = {{0, 70, 0, 0}, {0, 70, 64, 0}, {70, 9, 0, 1}};
	double scale = 1 / sqrt(128.0);
	launch(3, 4, 128, [&] { attention(O.data(), Q.data(), tiles.data(), (float)scale * log2_e, 512); });
	Error e;
	auto at = [&](int row, int column) { return (double)(float)Q[row * 1536 + column]; };
	for (int q = 0, start = 0; q < 2; start += lengths[q++])
		for (int h = 0; h < 4; h++)
			for (int i = 0; i < lengths[q]; i++) {
				std::vector<double> p(lengths[q]);
				double z = 0;
				for (int j = 0; j < lengths[q]; j++) {
					double d = 0;
					for (int c = 0; c < 128; c++) d += at(start + i, h * 128 + c) * at(start + j, 512 + h * 128 + c);
					z += p[j] = exp(d * scale);
				}
				for (int c = 0; c < 128; c++) {
					double o = 0;
					for (int j = 0; j < lengths[q]; j++) o += p[j] / z * at(start + j, 1024 + h * 128 + c);
					e.add((double)(float)O[(start + i) * 512 + h * 128 + c], o);
				}
			}
	e.report("attention", 1e-3);
}

static void memories() {
	const int lengths[2] = {40, 7}, M = 47;
	for (int add = 0; add < 2; add++) {
		Halves V = halves(M * 1536);
		Floats X = floats(M * 512), W = floats(11 * 512), before = X;
		std::vector<Tile> tiles = {{0, 40, 0, 0}, {0, 40, 32, 0}, {40, 7, 0, 1}};
		launch(3, 1, 256, [&] { add ? fsmn_add(X.data(), V.data() + 1024, W.data(), tiles.data(), 1536) : fsmn_set(X.data(), V.data() + 1024, W.data(), tiles.data(), 1536); });
		Error e;
		for (int q = 0, start = 0; q < 2; start += lengths[q++])
			for (int i = 0; i < lengths[q]; i++)
				for (int c = 0; c < 512; c++) {
					double o = add ? before[(start + i) * 512 + c] : 0;
					for (int j = 0; j < 11; j++)
						if (int p = i + j - 5; p >= 0 && p < lengths[q]) o += (double)W[j * 512 + c] * (double)(float)V[(start + p) * 1536 + 1024 + c];
					e.add(X[(start + i) * 512 + c], o);
				}
		e.report(add ? "fsmn_add" : "fsmn_set", 1e-6);
	}
}

int main() {
	srand(1);
	products();
	arg_max();
	norms();
	fronts();
	attentions();
	memories();
}
