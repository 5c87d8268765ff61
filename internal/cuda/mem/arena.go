package mem

import (
	"errors"
	"time"
)

// Arena is the memory that this process holds of a GPU. It belongs to the goroutine that works with the device: growing, shrinking and computing
// happen one after the other. The times passed in must not go back.
type Arena struct {
	device Device
	policy policy
	space  space
	awake  bool
	need   uint64 // of the batch that runs; 0 between batches
	stats  Stats
}

// Stats are an arena's numbers, all measured, bytes where not said.
type Stats struct {
	Held      uint64 `json:"held"` // weights, floor and elastic part
	Overhead  uint64 `json:"overhead"`
	Workspace uint64 `json:"workspace"`
	Cap       uint64 `json:"cap"`
	Headroom  uint64 `json:"headroom"`
	Peak      uint64 `json:"peak"` // the most that Held was
	Awake     bool   `json:"awake"`

	Grown     int `json:"grown"`      // times that the arena grew
	Shrunk    int `json:"shrunk"`     // times that memory went back
	Refused   int `json:"refused"`    // times that the driver had none to give
	Smaller   int `json:"smaller"`    // batches that got less than they wanted
	GivenBack int `json:"given_back"` // times that neighbours needed memory
}

// Workspace is device memory that the next batch may use.
type Workspace struct{ Address, Bytes uint64 }

// Open takes weights and floor. An OutOfMemoryError says that they do not fit.
func Open(d Device, l Limits, now time.Time) (*Arena, error) {
	a := &Arena{device: d, policy: policy{Limits: l, used: now}}
	if d.Granularity() == 0 {
		a.space = newBlocks(d, l)
	} else {
		m, err := newMapped(d, l)
		if err != nil {
			return nil, a.outOfMemory(err)
		}
		a.space = m
	}
	err := a.wake()
	if err == nil && l.Fixed {
		err = a.fix(now)
	}
	if err != nil {
		return nil, errors.Join(err, a.space.close())
	}
	return a, nil
}

// wake takes weights and floor.
func (a *Arena) wake() error {
	want := a.policy.Overhead + a.base()
	if want > a.policy.Cap {
		return &OutOfMemoryError{Want: want, Cap: a.policy.Cap}
	}
	if err := a.space.open(); err != nil {
		return a.outOfMemory(err)
	}
	a.awake = true
	a.account()
	return nil
}

// base returns what weights and floor take of this device, rounded as it must be.
func (a *Arena) base() uint64 {
	to := max(a.device.Granularity(), align)
	return roundUp(a.policy.Weights, to) + roundUp(a.policy.Floor, to)
}

// outOfMemory makes a refusal into an OutOfMemoryError, and leaves other errors as they are.
func (a *Arena) outOfMemory(err error) error {
	if !errors.Is(err, ErrRefused) {
		return err
	}
	free, _, infoErr := a.device.Info()
	if infoErr != nil {
		return errors.Join(err, infoErr)
	}
	return &OutOfMemoryError{Want: a.policy.Overhead + a.base(), Cap: a.policy.Cap, Free: free, Err: err}
}

// fix takes the workspace of the largest batch, or what there is of it, and forbids growth from then on.
func (a *Arena) fix(now time.Time) error {
	want := a.policy.Work
	if want == 0 {
		want = a.policy.Cap
	}
	return a.grow(want, now)
}

// Admit prepares for a batch that needs so many bytes of workspace, and returns what there is: at least the floor, and no more than
// wanted need be used. If it is less than needed, the batch must be cut to it. Errors are those of a device that is broken, or of an
// arena that slept and cannot have its weights again.
func (a *Arena) Admit(need uint64, now time.Time) (Workspace, error) {
	if !a.awake {
		if err := a.wake(); err != nil {
			return Workspace{}, err
		}
	}
	if _, have := a.space.workspace(); need > have && !a.policy.Fixed {
		if err := a.grow(need, now); err != nil {
			return Workspace{}, err
		}
	}
	var w Workspace
	w.Address, w.Bytes = a.space.workspace()
	if w.Bytes < need {
		a.stats.Smaller++
	}
	a.need = min(need, w.Bytes)
	return w, nil
}

// grow extends the workspace as far as policy and driver let it.
func (a *Arena) grow(need uint64, now time.Time) error {
	free, _, err := a.device.Info()
	if err != nil {
		return err
	}
	room := a.policy.room(free, now)
	if a.policy.Work > 0 {
		need = min(need, max(a.policy.Work, a.policy.Floor))
	}
	before := a.space.held()
	err = a.space.extend(need, room)
	a.account()
	switch {
	case errors.Is(err, ErrRefused):
		a.stats.Refused++
		a.policy.refused(now)
		return nil
	case err != nil:
		return err
	case a.space.held() > before:
		a.stats.Grown++
		a.policy.grew()
	}
	return nil
}

// Done ends the batch that Admit prepared for.
func (a *Arena) Done(now time.Time) error {
	a.need, a.policy.used = 0, now
	if a.policy.crowded() && !a.policy.Fixed {
		return a.shrink(0)
	}
	return nil
}

// Tick looks at the neighbours and at the time. It is to be called every 250 ms while there is work and every second while there is none,
// between batches.
func (a *Arena) Tick(now time.Time) error {
	if !a.awake || a.policy.Fixed {
		return nil
	}
	free, _, err := a.device.Info()
	if err != nil {
		return err
	}
	if a.policy.look(free, now) {
		before := a.space.held()
		if err := a.shrink(a.need); err != nil {
			return err
		}
		if a.space.held() < before {
			a.stats.GivenBack++
		}
	}
	if a.need > 0 {
		return nil
	}
	return a.GiveBack(a.policy.idle(now))
}

// GiveBack gives memory back on request, between batches.
func (a *Arena) GiveBack(l Level) error {
	switch {
	case l == Keep || !a.awake:
		return nil
	case l == Trim:
		return a.shrink(0)
	}
	err := a.space.shut()
	a.account()
	a.awake = a.space.held() > 0
	a.stats.Shrunk++
	return err
}

func (a *Arena) shrink(need uint64) error {
	before := a.space.held()
	err := a.space.shrink(need)
	a.account()
	if a.space.held() < before {
		a.stats.Shrunk++
	}
	return err
}

func (a *Arena) account() {
	a.policy.held = a.space.held()
	a.stats.Peak = max(a.stats.Peak, a.policy.held)
}

// Awake tells whether the weights are on the device. When they come back they must be uploaded again.
func (a *Arena) Awake() bool { return a.awake }

// Weights returns where the weights lie.
func (a *Arena) Weights() uint64 { return a.space.weights() }

// Stats returns the arena's numbers.
func (a *Arena) Stats() Stats {
	s := a.stats
	s.Held, s.Overhead, s.Cap, s.Headroom, s.Awake = a.space.held(), a.policy.Overhead, a.policy.Cap, a.policy.Headroom, a.awake
	_, s.Workspace = a.space.workspace()
	return s
}

// Close gives everything back.
func (a *Arena) Close() error {
	a.awake = false
	return a.space.close()
}
