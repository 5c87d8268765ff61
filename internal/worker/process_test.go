//go:build linux

package worker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain is the worker process too.
func TestMain(m *testing.M) {
	var err error
	switch os.Getenv("TEST_WORKER") {
	case "echo":
		err = Serve(func() (Handler, error) { return echo{}, nil })
	case "none":
		err = Serve(func() (Handler, error) { return nil, errors.New("no device") })
	default:
		goleak.VerifyTestMain(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// echo does what items say.
type echo struct{}

// hang is a driver that does not return. Waiting for nothing would be found out by the runtime.
func hang() {
	for {
		syscall.Pause()
	}
}

var errIllegalAddress = errors.New("illegal address")

func (echo) Run(items [][]byte) ([][]byte, error) {
	var results [][]byte
	for _, item := range items {
		word, arg, _ := strings.Cut(string(item), " ")
		switch word {
		case "exit":
			syscall.Exit(9)
		case "hang":
			hang()
		case "fail":
			return nil, errors.New("bad item")
		case "fatal":
			return nil, errIllegalAddress
		case "once": // hang in the first process that gets it, and tell which one that is
			if f, err := os.OpenFile(arg, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
				fmt.Fprint(f, os.Getpid())
				f.Close()
				os.Rename(arg, arg+".hangs")
				os.WriteFile(arg, nil, 0o600)
				hang()
			}
		}
		results = append(results, append([]byte("<"), item...))
	}
	return results, nil
}

func (echo) GiveBack(int) error   { return nil }
func (echo) Idle() error          { return nil }
func (echo) Fatal(err error) bool { return errors.Is(err, errIllegalAddress) }

func workers(n int, kind string) []Options {
	list := make([]Options, n)
	for i := range list {
		list[i] = Options{Name: fmt.Sprintf("cuda:%d", i), Command: []string{os.Args[0]}, Env: []string{"TEST_WORKER=" + kind}, Memory: 4 << 20}
	}
	return list
}

func pool(t *testing.T, o PoolOptions) *Pool {
	t.Helper()
	p := Start(o)
	t.Cleanup(p.Close)
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProcess(t *testing.T) {
	p := pool(t, PoolOptions{Workers: workers(1, "echo"), Deadline: func(items [][]byte) time.Duration {
		if string(items[0]) == "hang" {
			return 50 * time.Millisecond
		}
		return time.Minute
	}})
	for _, c := range []struct{ item, want string }{
		{"a", "<a"},
		{"fail", "the worker refused the batch: bad item"},
		{strings.Repeat("x", 3<<20), "the worker refused the batch: 1 items take 3145736 bytes of 2097152 that are shared"},
		{"hang", "segment 0 of the batch ends whatever computes it: worker cuda:0: a batch was not done within 50ms"},
		{"b", "<b"},
	} {
		if got := text(p.Run(t.Context(), items(c.item))); got != c.want {
			t.Errorf("%.9s: %s", c.item, got)
		}
	}
	if s := p.Status()[0]; s.Starts < 3 || s.Failures < 2 {
		t.Errorf("%+v", s)
	}
	if err := p.GiveBack(1); err != nil {
		t.Error(err)
	}
}

// TestEnds names how a worker ended.
func TestEnds(t *testing.T) {
	for item, want := range map[string]string{"exit": "it ended: exit status 9", "fatal": "it ended: exit status 70"} {
		one, err := open(t.Context(), workers(1, "echo")[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := one.exchange(items("a", item), time.Minute); err == nil || err.Error() != want {
			t.Errorf("%s: %v", item, err)
		}
		one.end()
		<-one.gone()
	}
	if _, err := open(t.Context(), workers(1, "none")[0]); err == nil || err.Error() != "it ended: exit status 1" {
		t.Errorf("%v", err)
	}
	if _, err := open(t.Context(), Options{Command: []string{"/nowhere/sensevoice-gpu"}}); err == nil {
		t.Error("a program that is not there was started")
	}
}

// TestKill9 kills a worker in the middle of a batch: the batch is done elsewhere, and others are served meanwhile.
func TestKill9(t *testing.T) {
	for _, c := range []struct {
		workers  int
		fallback Runner
	}{{2, nil}, {1, cpu{}}} {
		p := pool(t, PoolOptions{Workers: workers(c.workers, "echo"), Fallback: c.fallback})
		flag := t.TempDir() + "/flag"
		done := make(chan string, 1)
		go func() { done <- text(p.Run(t.Context(), items("a", "once "+flag))) }()
		victim := 0
		for victim == 0 {
			if data, err := os.ReadFile(flag + ".hangs"); err == nil {
				fmt.Sscan(string(data), &victim)
			}
			if t.Context().Err() != nil {
				t.Fatal("the batch has not begun")
			}
		}
		if c.workers > 1 {
			if got := text(p.Run(t.Context(), items("meanwhile"))); got != "<meanwhile" {
				t.Errorf("meanwhile: %s", got)
			}
		}
		if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		got := <-done
		if got != "<a <once "+flag && got != "cpu a cpu once "+flag {
			t.Errorf("%d workers: %s", c.workers, got)
		}
		if counts := p.Counts(); counts.Retried != 1 || counts.Poisoned != 0 {
			t.Errorf("%+v", counts)
		}
		p.Close()
	}
}

// TestChaos kills workers at random while goroutines want batches: every one is answered, with its own results.
func TestChaos(t *testing.T) {
	p := pool(t, PoolOptions{Workers: workers(2, "echo"), Fallback: cpu{}})
	stop := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		random := rand.New(rand.NewPCG(1, 2))
		for range 4 {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				list := p.Status()
				if pid := list[random.IntN(len(list))].PID; pid != 0 {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		}
	})
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			for i := range 200 {
				item := fmt.Sprintf("%d/%d", caller, i)
				if got := text(p.Run(t.Context(), items(item, "x"))); got != "<"+item+" <x" && got != "cpu "+item+" cpu x" {
					t.Errorf("%s: %s", item, got)
				}
			}
		})
	}
	callers.Wait()
	close(stop)
	killer.Wait()
}

// TestOrphan ends when the server's end of the socket does.
func TestOrphan(t *testing.T) {
	p, err := launch(workers(1, "echo")[0])
	if err != nil {
		t.Fatal(err)
	}
	<-p.ready
	p.conn.Close()
	<-p.gone()
	p.end()
	<-p.ended
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TEST_WORKER=echo")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "a worker is started by the server, not by hand") {
		t.Errorf("%v: %s", err, out)
	}
}
