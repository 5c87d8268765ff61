//go:build linux

package compute

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/kernel"
	"sensevoice/internal/sensevoice"
	"sensevoice/internal/worker"
)

// TestMain is the worker process too.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_WORKER") == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := worker.Serve(func() (worker.Handler, error) { return open() }); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// open makes a handler of the smallest model.
func open() (*Handler, error) {
	weights, err := sensevoice.Synthetic("synthetic:micro")
	if err != nil {
		return nil, err
	}
	kernels, err := kernel.Select("")
	if err != nil {
		return nil, err
	}
	e, err := cpu.New(kernels, 1)
	if err != nil {
		return nil, err
	}
	network, err := sensevoice.New(weights, e)
	if err != nil {
		return nil, err
	}
	return New(network, e.Release), nil
}

// TestRemote computes in a process bit for bit what is computed without one.
func TestRemote(t *testing.T) {
	local, err := open()
	if err != nil {
		t.Fatal(err)
	}
	pool := worker.Start(worker.PoolOptions{Deadline: Deadline, Workers: []worker.Options{{
		Name: "cpu", Command: []string{os.Args[0]}, Env: []string{"TEST_WORKER=1"}, Memory: 4 << 20,
	}}})
	defer pool.Close()
	if err := pool.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	rows := []int{1, 17, 40}
	var batch []sensevoice.Segment
	for i, n := range rows {
		s := sensevoice.Segment{Language: []string{"auto", "zh", "en"}[i], ITN: i == 1, Banned: []int32{3}, Features: make([]float32, n*local.network.Config.Input)}
		for k := range s.Features {
			s.Features[k] = random.Float32() - 0.5
		}
		batch = append(batch, s)
	}
	plan, err := local.network.Plan(rows)
	if err != nil {
		t.Fatal(err)
	}
	want, err := local.runner.Run(t.Context(), plan, batch)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]worker.Runner{"process": pool, "local": Local{local}} {
		want := sensevoice.Output{Starts: want.Starts, IDs: slices.Clone(want.IDs), LogProbs: slices.Clone(want.LogProbs)}
		got, err := Remote{r}.Run(t.Context(), plan, batch)
		if err != nil || !slices.Equal(got.IDs, want.IDs) || !slices.Equal(got.LogProbs, want.LogProbs) || !slices.Equal(got.Starts, want.Starts) {
			t.Errorf("%s: results differ (%v)", name, err)
		}
		if _, err := r.Run(t.Context(), [][]byte{worker.EncodeSegment(sensevoice.Segment{Language: "auto", Features: make([]float32, 3)})}); err == nil {
			t.Errorf("%s: a third of a row was computed", name)
		}
		if _, err := r.Run(t.Context(), [][]byte{{1, 2, 3}}); err == nil {
			t.Errorf("%s: three bytes were computed", name)
		}
	}
}

// short answers too little.
type short struct{ items int }

func (s short) Run(context.Context, [][]byte) ([][]byte, error) { return make([][]byte, s.items), nil }

func TestWrongAnswer(t *testing.T) {
	local, err := open()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := local.network.Plan([]int{1})
	if err != nil {
		t.Fatal(err)
	}
	for items := range 3 {
		if _, err := (Remote{short{items}}).Run(t.Context(), plan, make([]sensevoice.Segment, 1)); err == nil {
			t.Errorf("%d empty answers for a segment are taken", items)
		}
	}
}

// TestGiveBack: working memory goes when it is asked for, or after a while, and comes again.
func TestGiveBack(t *testing.T) {
	h, err := open()
	if err != nil {
		t.Fatal(err)
	}
	e := h.network.Engine()
	items := [][]byte{worker.EncodeSegment(sensevoice.Segment{Language: "auto", Features: make([]float32, h.network.Config.Input)})}
	for _, give := range []func() error{
		func() error { return h.GiveBack(1) },
		func() error { h.last = h.last.Add(-2 * idleFor); return h.Idle() },
	} {
		if _, err := h.Run(items); err != nil || e.Reserved() == 0 {
			t.Fatalf("%d bytes are held after a batch: %v", e.Reserved(), err)
		}
		if err := h.Idle(); err != nil || e.Reserved() == 0 {
			t.Errorf("nothing is held right after a batch (%v)", err)
		}
		if err := give(); err != nil || e.Reserved() != 0 {
			t.Errorf("%d bytes are held still (%v)", e.Reserved(), err)
		}
	}
	if err := h.Idle(); err != nil {
		t.Error(err)
	}
	if h.Fatal(err) {
		t.Error("the processor is broken")
	}
}

func TestDeadline(t *testing.T) {
	if d := Deadline([][]byte{make([]byte, 4*560*17*30)}); d < 5*time.Minute || d > 10*time.Minute {
		t.Errorf("%v for half a minute of sound", d)
	}
}
