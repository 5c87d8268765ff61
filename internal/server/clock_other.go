//go:build !linux

package server

import "time"

func monotonic() time.Duration { return 0 } // there is no systemd
