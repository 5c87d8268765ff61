package gpu

import "time"

// WaitForOthers changes how long a choice waits for another one, until restore is called.
func WaitForOthers(d time.Duration) (restore func()) {
	before := lockWait
	lockWait = d
	return func() { lockWait = before }
}
