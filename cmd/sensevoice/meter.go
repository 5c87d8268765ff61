package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"sensevoice/internal/audio"
)

// meter shows on a terminal how much sound has been taken in, of how much, and how long the rest will take. How much sound there is in
// all follows from the bytes that are left: what headers claim need not be true, and some claim nothing.
type meter struct {
	mu    sync.Mutex // guards everything
	bar   *progressbar.ProgressBar
	sound time.Duration // read so far
	read  int64         // bytes read so far
	total int64         // bytes of all recordings; 0: unknown
}

// newMeter makes a meter for recordings; without a terminal it shows nothing.
func (p *program) newMeter(inputs []input) *meter {
	m := &meter{}
	if !terminal(p.err) {
		return m
	}
	for _, in := range inputs {
		if in.size == 0 {
			m.total = 0
			break
		}
		m.total += in.size
	}
	length := int64(1000)
	if m.total == 0 {
		length = -1 // it spins
	}
	m.bar = progressbar.NewOptions64(length,
		progressbar.OptionSetWriter(p.err), progressbar.OptionSetPredictTime(m.total > 0), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetWidth(24), progressbar.OptionThrottle(100*time.Millisecond))
	return m
}

// add notes sound that was read, and the bytes that it came in.
func (m *meter) add(sound time.Duration, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sound += sound
	m.read += bytes
	if m.bar == nil {
		return
	}
	if m.total == 0 || m.read == 0 {
		m.bar.Describe(hours(m.sound))
		_ = m.bar.Add(1) // a bar that cannot be drawn is no reason to stop
		return
	}
	share := min(float64(m.read)/float64(m.total), 1)
	m.bar.Describe(hours(m.sound) + " of " + hours(time.Duration(float64(m.sound)/share)))
	_ = m.bar.Set64(min(int64(share*1000), 999)) // finish says that it has ended
}

// hours writes a length of sound.
func hours(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// pause takes the bar off the screen while f prints.
func (m *meter) pause(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bar != nil {
		_ = m.bar.Clear()
	}
	f()
}

func (m *meter) finish() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bar != nil {
		_ = m.bar.Finish()
	}
}

// metered tells a meter what is read of a recording.
type metered struct {
	*sound
	meter    *meter
	size     int64
	position int64
}

func (m *meter) source(s *sound, in input) *metered {
	return &metered{sound: s, meter: m, size: in.size}
}

// Read reads samples.
func (s *metered) Read(dst []float32) (int, error) {
	n, err := s.sound.Read(dst)
	at := s.Position()
	s.meter.add(time.Duration(n/s.Tracks())*time.Second/audio.SampleRate, at-s.position)
	s.position = at
	return n, err
}

// finish counts as read what nobody will read.
func (s *metered) finish() { s.meter.add(0, max(0, s.size-s.position)) }
