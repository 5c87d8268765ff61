package batch

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"sensevoice/internal/transcribe"
)

// BenchmarkBeside times requests of 3 s at the released model's size: alone, and while another request works through an hour of sound
// in segments of 30 s. In turns, so that other work on the machine hits both.
//
//	go test ./internal/batch -run - -bench Beside -benchtime 50x
func BenchmarkBeside(b *testing.B) {
	m := open("synthetic:small")
	s, err := New(Options{Recognizers: []*transcribe.Recognizer{recognizer(b, m, newCPU(b, 0))}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(context.Background())
	short, long := sound(3, 1), sound(30, 2)
	ask := func() float64 {
		begun := time.Now()
		r := s.Request(Ticket{Key: "short"})
		if _, _, err := r.Recognize(b.Context(), []transcribe.Clip{short}); err != nil {
			b.Error(err)
		}
		return float64(time.Since(begun).Microseconds()) / 1000
	}
	ask()
	var alone, beside []float64
	for b.Loop() {
		alone = append(alone, ask())
		file, end := context.WithCancel(b.Context())
		var work sync.WaitGroup
		work.Go(func() { s.Request(Ticket{Key: "file"}).Recognize(file, slices.Repeat([]transcribe.Clip{long}, 120)) })
		awaitRunning(s, nil)
		time.Sleep(time.Duration(37*len(alone)%1500) * time.Millisecond) // so as to meet it everywhere
		beside = append(beside, ask())
		end()
		work.Wait()
		awaitIdle(s)
	}
	report(b, alone, "alone")
	report(b, beside, "beside")
}

// awaitIdle returns when nothing is running.
func awaitIdle(s *Scheduler) {
	for s.Stats().Running > 0 {
		time.Sleep(time.Millisecond)
	}
}

func report(b *testing.B, ms []float64, name string) {
	slices.Sort(ms)
	b.ReportMetric(ms[len(ms)/2], "ms-"+name+"-p50")
	b.ReportMetric(ms[len(ms)*95/100], "ms-"+name+"-p95")
	b.ReportMetric(ms[len(ms)-1], "ms-"+name+"-max")
}

// BenchmarkThroughput answers many requests at once with the embedded model, in batches of at most so much computing time.
func BenchmarkThroughput(b *testing.B) {
	m, list := open("embedded"), recordings(b)
	for _, most := range []time.Duration{time.Nanosecond, 10 * time.Millisecond, 30 * time.Millisecond, 100 * time.Millisecond} {
		b.Run(most.String(), func(b *testing.B) {
			s, err := New(Options{Recognizers: []*transcribe.Recognizer{recognizer(b, m, newCPU(b, 0))}, MaxBatchTime: most})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close(context.Background())
			var work sync.WaitGroup
			sound := 0.0
			slots := make(chan struct{}, 64)
			for i := range b.N {
				r := &list[i%7]
				sound += lengthOf(len(r.samples))
				slots <- struct{}{}
				work.Go(func() {
					if _, _, err := s.Request(Ticket{}).Recognize(b.Context(), []transcribe.Clip{r.clip(false)}); err != nil {
						b.Error(err)
					}
					<-slots
				})
			}
			work.Wait()
			b.ReportMetric(sound/b.Elapsed().Seconds(), "x-real-time")
			b.ReportMetric(float64(s.Stats().Clips)/float64(s.Stats().Batches), "clips/batch")
		})
	}
}
