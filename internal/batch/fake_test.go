package batch

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sensevoice/internal/engine"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/weights"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is an engine that computes nothing but remembers, for each buffer, a number for each row that was loaded, and answers
// those. It takes time, which is virtual in a synctest bubble, and notices what no caller may do: run two
// operations at once, or use a buffer that another one has overwritten.
type fake struct {
	perRow time.Duration          // of one block
	refuse func(bytes int64) bool // to grow to that size

	busy     atomic.Bool
	reserved int64
	rows     map[int64]content // by offset
	most     int64             // bytes reserved
	blocks   int               // attentions so far
	batches  []int             // rows of each batch that was answered
}

type content struct {
	bytes  int64
	values []float32
}

type shape [2]int

func (s shape) Shape() (outputs, inputs int) { return s[0], s[1] }

func (f *fake) use() func() {
	if f.busy.Swap(true) {
		panic("two operations at once")
	}
	return func() { f.busy.Store(false) }
}

func (f *fake) read(b engine.Buffer) []float32 {
	c, ok := f.rows[b.Offset]
	if !ok || len(c.values) != b.Rows {
		panic(fmt.Sprintf("buffer %+v holds nothing", b))
	}
	return c.values
}

func (f *fake) write(b engine.Buffer, values []float32) {
	bytes := f.BufferBytes(b.Rows, b.Channels)
	if b.Offset < 0 || b.Offset+bytes > f.reserved {
		panic(fmt.Sprintf("buffer %+v lies outside of %d bytes", b, f.reserved))
	}
	for offset, c := range f.rows {
		if offset < b.Offset+bytes && b.Offset < offset+c.bytes {
			delete(f.rows, offset)
		}
	}
	f.rows[b.Offset] = content{bytes, values}
}

func (f *fake) Name() string { return "fake" }

func (f *fake) Matrix(t *weights.Tensor) (engine.Matrix, error) {
	return shape{t.Shape[0], t.Shape[1]}, nil
}

func (f *fake) BufferBytes(rows, channels int) int64 { return 4 * int64(rows) * int64(channels) }

func (f *fake) AttentionBytes(b engine.Batch, channels, heads int) int64 { return 4 * int64(b.Rows()) }

func (f *fake) ArgMaxBytes(rows, vocabulary int) int64 { return 4 * int64(rows) }

func (f *fake) Reserve(bytes int64) error {
	defer f.use()()
	if bytes <= f.reserved {
		return nil
	}
	f.reserved, f.rows = 0, map[int64]content{}
	if f.refuse != nil && f.refuse(bytes) {
		return errors.New("refused")
	}
	f.reserved = bytes
	f.most = max(f.most, bytes)
	return nil
}

func (f *fake) Reserved() int64 { return f.reserved }

func (f *fake) Load(dst engine.Buffer, values []float32) {
	defer f.use()()
	sums := make([]float32, dst.Rows)
	for i, v := range values[:dst.Rows*dst.Channels] {
		sums[i/dst.Channels] += v
	}
	f.write(dst, sums)
}

func (f *fake) Read([]float32, engine.Buffer) { panic("not called") }

func (f *fake) LayerNorm(dst, src engine.Buffer, _ engine.Norm) {
	defer f.use()()
	f.write(dst, f.read(src))
}

func (f *fake) Linear(dst, src engine.Buffer, layer *engine.Linear) {
	defer f.use()()
	f.write(dst, f.read(src))
}

func (f *fake) Attend(context, x, qkv engine.Buffer, _ *engine.Attention, b engine.Batch, _ engine.Buffer) {
	defer f.use()()
	f.blocks++
	time.Sleep(f.perRow * time.Duration(b.Rows()))
	values := f.read(qkv)
	f.write(context, values)
	f.write(x, values)
}

func (f *fake) ArgMax(
	ids []int32, logProbs []float32, src engine.Buffer, head *engine.Linear, b engine.Batch, _ []engine.Ban, _ engine.Buffer,
) {
	defer f.use()()
	f.batches = append(f.batches, b.Rows())
	vocabulary, _ := head.Weights.Shape()
	for row, v := range f.read(src) {
		bits := math.Float32bits(v)
		ids[row], logProbs[row] = int32(bits%uint32(vocabulary)), -float32(bits%1000)/1000
		if v != v {
			logProbs[row] = v
		}
	}
}

func (f *fake) Times() map[string]time.Duration { return nil }

func (f *fake) Close() error { return nil }

// model is the smallest one.
var model = sync.OnceValue(func() *modelstore.Model { return open("synthetic:micro") })

// open opens a model that needs no files.
func open(name string) *modelstore.Model {
	store, err := modelstore.New(filepath.Join(os.TempDir(), "none"), modelstore.Endpoints{})
	if err != nil {
		panic(err)
	}
	m, err := store.Open(name)
	if err != nil {
		panic(err)
	}
	return m
}

func recognizer(t testing.TB, m *modelstore.Model, e engine.Engine) *transcribe.Recognizer {
	t.Helper()
	r, err := transcribe.NewRecognizer(m, e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start starts a scheduler over fake engines.
func start(t testing.TB, o Options, engines ...*fake) *Scheduler {
	t.Helper()
	for _, e := range engines {
		o.Recognizers = append(o.Recognizers, recognizer(t, model(), e))
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
