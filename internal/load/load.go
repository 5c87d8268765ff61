// Package load puts load on a server and measures how it answers: requests by HTTP or streams by WebSocket at the pace of speech, from a
// number of clients that each wait for their answers (closed loop) or at a rate that waits for nobody (open loop).
//
// Every answer is compared with the text of its recording, as it is known or as the server gave it to a client alone.
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"
)

// Scenario is what to do. See Validate for what may be combined.
type Scenario struct {
	URL      string // of the server, such as http://127.0.0.1:50000
	Protocol string // one of Protocols
	Clips    []Clip // taken in turn

	Clients int     // that ask at once and wait for the answer, each; or
	Rate    float64 // requests or streams that begin in a second, whatever becomes of them

	Duration time.Duration // for how long new ones begin
	Requests int           // how many begin at most; 0: no limit
	Ramp     time.Duration // over which clients begin
	Timeout  time.Duration // of one request, or of the wait for the last result of a recording

	Pace    float64       // of streams, as a multiple of real time; 0: as fast as they go
	Silence time.Duration // that follows each recording of a stream, so that its end is found and not told
	Wait    time.Duration // of the server, until it takes a pause for the end of a segment (max_end_silence_time); 0: the protocol's
	Idle    bool          // open connections, and say nothing

	Language string
	Key      string   // API key
	Insecure bool     // accept any certificate
	Allow    []string // kinds of errors that are expected, such as "429"
	Seed     uint64
}

// Protocols are those that can be spoken.
var Protocols = []string{"http", "openai", "ws", "funasr"}

// DefaultScenario returns a scenario of few clients for half a minute.
func DefaultScenario() Scenario {
	return Scenario{
		URL: "http://127.0.0.1:50000", Protocol: "http", Clients: 4, Duration: 30 * time.Second, Timeout: time.Minute,
		Pace: 1, Silence: 1200 * time.Millisecond, Seed: 1,
	}
}

// Validate says what is impossible, and what it may be.
func (s *Scenario) Validate() error {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil:
		return err
	case u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q is no address of a server, such as http://127.0.0.1:50000", s.URL)
	case s.exchange() == nil:
		return fmt.Errorf("no protocol %q: it must be one of %v", s.Protocol, Protocols)
	case len(s.Clips) == 0 && !s.Idle:
		return errors.New("there are no recordings to send")
	case s.Rate == 0 && s.Clients < 1, s.Clients < 0, s.Clients > 100000:
		return fmt.Errorf("%d clients: must be 1 to 100000", s.Clients)
	case !(s.Rate >= 0 && s.Rate <= 100000):
		return fmt.Errorf("a rate of %v: must be above 0 and at most 100000 a second", s.Rate)
	case !(s.Pace >= 0 && s.Pace <= 1000):
		return fmt.Errorf("a pace of %v: must be 0 to 1000 times real time", s.Pace)
	case s.Duration <= 0 || s.Timeout <= 0 || s.Ramp < 0 || s.Silence < 0 || s.Requests < 0:
		return errors.New("duration and timeout must be above 0; ramp, silence and requests 0 or more")
	case s.Idle && (s.streams() == nil || s.Rate > 0):
		return errors.New("idle connections are for clients of a WebSocket protocol")
	}
	return nil
}

// exchange is one client: it sends recordings one after the other.
type exchange interface {
	// one sends a recording, and notes what comes of it. The scheduled time is when it was to begin.
	one(ctx context.Context, c *Clip, scheduled time.Time) outcome
	close()
}

// exchange returns how a client is made, nil for a protocol that does not exist.
func (s *Scenario) exchange() func(*run) exchange {
	switch s.Protocol {
	case "http", "openai":
		return newPoster
	case "ws", "funasr":
		return newStreamer
	}
	return nil
}

// run is a scenario while it runs.
type run struct {
	*Scenario
	recorder recorder
	poster   poster // what all HTTP clients share

	mu   sync.Mutex
	next int // recording
	left int // requests; negative: no limit
}

// Run does what a scenario says and returns what was measured, also when ctx ends it early. Progress, if not nil, is told every second
// how it goes. An error is that the scenario is impossible, or that not even a client alone is answered.
func Run(ctx context.Context, s Scenario, progress func(*Report)) (*Report, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	r := &run{Scenario: &s, left: -1}
	if s.Requests > 0 {
		r.left = s.Requests
	}
	r.poster.open(&s)
	defer r.poster.close()
	if !s.Idle {
		if err := r.learn(ctx); err != nil {
			return nil, err
		}
	}
	r.recorder.begin()
	watching, stop := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	if progress != nil {
		watcher.Go(func() { r.watch(watching, progress) })
	}
	starting, cancel := context.WithTimeout(ctx, s.Duration)
	defer cancel()
	if s.Rate > 0 {
		r.open(starting, ctx)
	} else {
		r.closed(starting, ctx)
	}
	stop()
	watcher.Wait()
	return r.recorder.report(&s), nil
}

func (r *run) watch(ctx context.Context, progress func(*Report)) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			progress(r.recorder.report(r.Scenario))
		case <-ctx.Done():
			return
		}
	}
}

// learn asks for the texts that are not known, with one client alone.
func (r *run) learn(ctx context.Context) error {
	paced := *r.Scenario
	paced.Pace = 0
	alone := &run{Scenario: &paced, left: -1}
	alone.poster = r.poster
	client := paced.exchange()(alone)
	defer client.close()
	for i := range r.Clips {
		c := &r.Clips[i]
		if c.Known {
			continue
		}
		o := client.one(ctx, c, time.Now())
		if o.err != nil {
			return fmt.Errorf("%s, sent alone: %w", c.Name, o.err)
		}
		c.Texts = []string{normal(o.text)}
	}
	return nil
}

// take returns the next recording, or false when there were enough.
func (r *run) take() (*Clip, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left == 0 {
		return nil, false
	}
	r.left--
	c := &r.Clips[r.next%len(r.Clips)]
	r.next++
	return c, true
}

// afterError is how long a client waits before it tries again: one that is refused would ask thousands of times a second.
const afterError = 200 * time.Millisecond

// closed lets clients ask, each when it has been answered.
func (r *run) closed(starting, ctx context.Context) {
	var clients sync.WaitGroup
	for i := range r.Clients {
		delay := r.Ramp * time.Duration(i) / time.Duration(r.Clients)
		clients.Go(func() {
			if !sleep(starting, delay) {
				return
			}
			client := r.exchange()(r)
			defer client.close()
			if r.Idle {
				r.recorder.add(nil, client.(*streamer).idle(starting))
				return
			}
			for starting.Err() == nil {
				c, more := r.take()
				if !more {
					return
				}
				o := client.one(ctx, c, time.Now())
				r.recorder.add(c, o)
				if o.err != nil {
					sleep(starting, afterError)
				}
			}
		})
	}
	clients.Wait()
}

// open begins requests at random times, so many a second on average. A request's time counts from when it was to begin.
func (r *run) open(starting, ctx context.Context) {
	var requests sync.WaitGroup
	chance := rand.New(rand.NewPCG(r.Seed, 0))
	at := time.Now()
	for {
		at = at.Add(time.Duration(chance.ExpFloat64() / r.Rate * float64(time.Second)))
		if !sleep(starting, time.Until(at)) {
			break
		}
		c, more := r.take()
		if !more {
			break
		}
		scheduled := at
		requests.Go(func() {
			client := r.exchange()(r)
			defer client.close()
			r.recorder.add(c, client.one(ctx, c, scheduled))
		})
	}
	requests.Wait()
}

// sleep waits, and tells whether ctx is still going on.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
