package cpu

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sensevoice/internal/engine"
	"sensevoice/internal/engine/enginetest"
	"sensevoice/internal/kernel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newEngine(t testing.TB, isa kernel.ISA, threads int) *Engine {
	t.Helper()
	kernels, err := kernel.Select(isa.String())
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(kernels, threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestEngine(t *testing.T) {
	counts := []int{1, 2, 3}
	if testing.Short() {
		counts = []int{3}
	}
	for _, isa := range kernel.Available() {
		for _, threads := range counts {
			t.Run(fmt.Sprintf("%v/%d threads", isa, threads), func(t *testing.T) {
				enginetest.Exercise(t, func(t *testing.T) engine.Engine { return newEngine(t, isa, threads) })
			})
		}
	}
}

func TestThreadsGiveTheSameBits(t *testing.T) {
	for _, isa := range kernel.Available() {
		t.Run(isa.String(), func(t *testing.T) {
			want := enginetest.Outputs(t, newEngine(t, isa, 1))
			for _, threads := range []int{2, 3, 7} {
				e := newEngine(t, isa, threads)
				for range 3 {
					if got := enginetest.Outputs(t, e); !slices.Equal(got, want) {
						t.Fatalf("%d threads differ from one", threads)
					}
				}
			}
		})
	}
}

func TestName(t *testing.T) {
	e := newEngine(t, kernel.Portable, 3)
	if got := e.Name(); got != "cpu (portable, 3 threads)" {
		t.Errorf("name %q", got)
	}
	if e.Threads() != 3 {
		t.Errorf("%d threads", e.Threads())
	}
}

func TestNewBoundsThreads(t *testing.T) {
	kernels, err := kernel.Select("")
	if err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{-1, maxThreads + 1} {
		e, err := New(kernels, threads)
		if err == nil {
			e.Close()
			t.Errorf("%d threads: no error", threads)
			continue
		}
		want := fmt.Sprintf("%d threads: must be from 1 to 1024, or 0 for all that this process may use (%d)", threads, DefaultThreads())
		if err.Error() != want {
			t.Errorf("%d threads: %v", threads, err)
		}
	}
	e := newEngine(t, kernel.Portable, 0)
	if e.Threads() != DefaultThreads() || e.Threads() < 1 {
		t.Errorf("0 threads became %d", e.Threads())
	}
}

func TestReserve(t *testing.T) {
	e := newEngine(t, kernel.Portable, 1)
	for _, step := range []struct{ ask, have int64 }{{0, 0}, {1, 4}, {100, 100}, {50, 100}, {-1, 100}, {4096, 4096}, {4095, 4096}} {
		if err := e.Reserve(step.ask); err != nil {
			t.Fatal(err)
		}
		if e.Reserved() != step.have {
			t.Errorf("Reserve(%d): %d bytes, want %d", step.ask, e.Reserved(), step.have)
		}
	}
	err := e.Reserve(maxArena + 1)
	if err == nil || !strings.Contains(err.Error(), "more than a process can address") {
		t.Errorf("Reserve(%d): %v", int64(maxArena+1), err)
	}
	if e.Reserved() != 4096 {
		t.Errorf("a refused Reserve left %d bytes", e.Reserved())
	}
	if err := e.Close(); err != nil || e.Reserved() != 0 {
		t.Errorf("after Close: %d bytes, %v", e.Reserved(), err)
	}
}

// Steady work must not allocate: it would end in the collector's pauses.
func TestOperationsDoNotAllocate(t *testing.T) {
	for _, threads := range []int{1, 2} {
		e := newEngine(t, kernel.Portable, threads)
		if err := e.Reserve(1 << 16); err != nil {
			t.Fatal(err)
		}
		b := engine.Buffer{Rows: 20, Channels: 8}
		values, norm := make([]float32, 160), engine.Norm{Gamma: make([]float32, 8), Beta: make([]float32, 8)}
		e.Load(b, values)
		e.LayerNorm(b, b, norm)
		if n := testing.AllocsPerRun(100, func() { e.Load(b, values); e.LayerNorm(b, b, norm) }); n != 0 {
			t.Errorf("%d threads: %v allocations", threads, n)
		}
	}
}
