package batch

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/wav"
	"sensevoice/internal/engine"
	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/golden"
	"sensevoice/internal/kernel"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

// spoken is one of the repository's recordings and what is said in it.
type spoken struct {
	File           string
	WoITN, WithITN string
	samples        []float32
}

func recordings(t testing.TB) []spoken {
	t.Helper()
	dir := filepath.Join(golden.Root(), "testdata")
	data, err := os.ReadFile(filepath.Join(dir, "clips.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []spoken
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	for i := range list {
		f, err := os.Open(filepath.Join(dir, list[i].File))
		if err != nil {
			t.Fatal(err)
		}
		list[i].samples, err = wav.Decode(f, 60*audio.SampleRate)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// newCPU makes the fastest engine of this machine.
func newCPU(t testing.TB, threads int) engine.Engine {
	t.Helper()
	kernels, err := kernel.Select("")
	if err != nil {
		t.Fatal(err)
	}
	e, err := cpu.New(kernels, threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// requestsAtOnce of 10000 takes two processors about a minute:
//
//	go test ./internal/batch -run NoMixUps -v -args -requests 10000
var requestsAtOnce = flag.Int("requests", 1000, "how many requests TestNoMixUps sends at once")

// TestNoMixUps sends many requests at once, of one recording each or two, in random order with and without figures, by a few
// keys: each answer is to the last bit what the recording gives alone.
func TestNoMixUps(t *testing.T) {
	requests := *requestsAtOnce
	if testing.Short() {
		requests = min(requests, 300)
	}
	list := recordings(t)
	m := open("embedded")
	alone := recognizer(t, m, newCPU(t, 1))
	want := map[string]string{}
	for _, r := range list {
		for _, itn := range []bool{false, true} {
			got, _, err := alone.Recognize(t.Context(), []transcribe.Clip{r.clip(itn)})
			if err != nil {
				t.Fatal(err)
			}
			text := r.WoITN
			if itn {
				text = r.WithITN
			}
			if transcript.Clean(got[0].RawText) != text {
				t.Fatalf("%s: %q, want %q", r.File, got[0].RawText, text)
			}
			want[r.name(itn)] = fmt.Sprint(got[0])
		}
	}
	s, err := New(Options{
		Recognizers:   []*transcribe.Recognizer{recognizer(t, m, newCPU(t, 1)), recognizer(t, m, newCPU(t, 1))},
		MaxQueueBytes: 64 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	for i := range requests {
		work.Go(func() { ask(t, s, list, want, i) })
	}
	work.Wait()
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("%+v", s.Stats())
}

func (r *spoken) clip(itn bool) transcribe.Clip {
	return transcribe.Clip{Samples: r.samples, Options: transcribe.Options{ITN: itn}}
}

func (r *spoken) name(itn bool) string { return fmt.Sprint(r.File, itn) }

// ask sends one request and checks the answer.
func ask(t *testing.T, s *Scheduler, list []spoken, want map[string]string, number int) {
	random := rand.New(rand.NewPCG(5, uint64(number)))
	var clips []transcribe.Clip
	var names []string
	for range 1 + number%10/9 {
		r, itn := &list[random.IntN(len(list))], random.IntN(2) == 0
		clips, names = append(clips, r.clip(itn)), append(names, r.name(itn))
	}
	got, _, err := s.Request(Ticket{Key: fmt.Sprint(number % 7), Admitted: true}).Recognize(t.Context(), clips)
	if err != nil {
		t.Errorf("request %d: %v", number, err)
		return
	}
	for i, name := range names {
		if fmt.Sprint(got[i]) != want[name] {
			t.Errorf("request %d: %v is not what %s is alone", number, got[i].RawText, name)
		}
	}
}

// TestOvertakingChangesNothing runs long clips on the real engine while short ones overtake them.
func TestOvertakingChangesNothing(t *testing.T) {
	m := model()
	r := recognizer(t, m, newCPU(t, 2))
	alone := recognizer(t, m, newCPU(t, 1))
	expected := func(c transcribe.Clip) string {
		got, _, err := alone.Recognize(t.Context(), []transcribe.Clip{c})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(got)
	}
	long, short := sound(120, 1), sound(0.5, 2)
	wantLong, wantShort := expected(long), expected(short)
	s, err := New(Options{Recognizers: []*transcribe.Recognizer{r}})
	if err != nil {
		t.Fatal(err)
	}
	check := func(c transcribe.Clip, want string) {
		if got, _, err := s.Request(Ticket{}).Recognize(t.Context(), []transcribe.Clip{c}); err != nil || fmt.Sprint(got) != want {
			t.Errorf("not what it is alone: %v", err)
		}
	}
	rounds := 0
	for ; s.Stats().Overtakes < 3 && rounds < 100; rounds++ {
		var work sync.WaitGroup
		ended := make(chan struct{})
		work.Go(func() {
			defer close(ended)
			check(long, wantLong)
		})
		awaitRunning(s, ended)
		for range 4 {
			work.Go(func() { check(short, wantShort) })
		}
		work.Wait()
	}
	t.Logf("%d overtook in %d rounds", s.Stats().Overtakes, rounds)
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if s.Stats().Overtakes == 0 {
		t.Error("no batch overtook: nothing was tested")
	}
}

// awaitRunning returns when a clip is running, or ended is closed.
func awaitRunning(s *Scheduler, ended <-chan struct{}) {
	for s.Stats().Running == 0 {
		select {
		case <-ended:
			return
		default:
			runtime.Gosched()
		}
	}
}
