package batch

import (
	"math"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/sensevoice"
	"sensevoice/internal/transcribe"
)

// expressSeconds is the longest sound for which there is always a place at the beginning of the arena, so that it can
// overtake a longer batch.
const expressSeconds = 10

// device is an engine and the goroutine that runs batches on it.
type device struct {
	s       *Scheduler
	network *sensevoice.Network
	remote  bool // the network's own engine is not used
	main    lane
	express lane // before the main one in the arena, for what overtakes
}

// lane is a part of the arena, in which one batch runs at a time.
type lane struct {
	runner Computer
	offset int64
	limit  int64  // bytes of a batch's buffers
	batch  *batch // that is running; changed under the scheduler's mu
}

func newDevice(s *Scheduler, r *transcribe.Recognizer) (*device, error) {
	n := r.Network()
	plan, err := n.Plan([]int{r.Rows(expressSeconds * audio.SampleRate)})
	if err != nil {
		return nil, err
	}
	runner := n.NewRunner()
	d := &device{s: s, network: n, main: lane{runner: runner, limit: s.arenaLimit()}, express: lane{runner: n.NewRunner()}}
	if plan.Arena <= d.main.limit/4 { // else one lane of some size is better
		d.express.limit, d.main.offset = plan.Arena, plan.Arena
		d.main.limit -= plan.Arena
		runner.Between = d.between
	}
	return d, nil
}

// newRemote makes a device that computes elsewhere.
func newRemote(s *Scheduler, r *transcribe.Recognizer, c Computer) *device {
	return &device{s: s, network: r.Network(), remote: true, main: lane{runner: c, limit: s.arenaLimit()}}
}

func (s *Scheduler) arenaLimit() int64 {
	if s.o.MaxArenaBytes > 0 {
		return s.o.MaxArenaBytes
	}
	return math.MaxInt64
}

// work runs batches until the scheduler is closed and has nothing left to do.
func (d *device) work() {
	for b := d.next(); b != nil; b = d.next() {
		d.compute(b, &d.main)
	}
}

// next waits for a batch; nil means the end.
func (d *device) next() *batch {
	s := d.s
	s.mu.Lock()
	defer s.mu.Unlock()
	var lingering time.Time // since when; zero: not
	for !s.over() {
		if s.queue.head() == nil {
			lingering = time.Time{}
			s.changed.Wait()
			continue
		}
		if len(s.preparing) > 0 && s.o.Linger > 0 && !s.full() {
			if lingering.IsZero() {
				lingering = time.Now()
			}
			if rest := s.o.Linger - time.Since(lingering); rest > 0 {
				s.sleep(rest)
				continue
			}
		}
		b := s.pack(d, &d.main, s.speed.within(s.o.MaxBatchTime), nil)
		if b == nil { // the next clip is for another engine, with more memory
			s.changed.Wait()
			continue
		}
		return b
	}
	return nil
}

// full tells whether company would change nothing: what waits is a batch already.
func (s *Scheduler) full() bool {
	return s.o.MaxBatchSegments > 0 && s.stages[queued] >= s.o.MaxBatchSegments || s.queue.seconds >= s.speed.within(s.o.MaxBatchTime)
}

// sleep waits, under mu, for a change or for some time.
func (s *Scheduler) sleep(t time.Duration) {
	timer := time.AfterFunc(t, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	s.changed.Wait()
	timer.Stop()
}

// between lets short batches overtake the one that is running.
func (d *device) between(done, blocks int) {
	for b := d.overtaker(done, blocks); b != nil; b = d.overtaker(done, blocks) {
		start := time.Now()
		d.compute(b, &d.express)
		d.main.batch.away += time.Since(start)
	}
}

// overtaker takes the clips that are to run before the rest of the running batch: those that by their turn should be done
// before it, and that take less time than it still needs.
func (d *device) overtaker(done, blocks int) *batch {
	s, b := d.s, d.main.batch
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue.head() == nil {
		return nil
	}
	spent := time.Since(b.start) - b.away
	rest := s.speed.within(spent * time.Duration(blocks-done) / time.Duration(done))
	return s.pack(d, &d.express, min(rest, s.speed.within(s.o.MaxBatchTime)), func(c *clip) bool {
		return c.seconds < rest && s.queue.precedes(c, b.clips[0])
	})
}
