//go:build unix

package main

import (
	"os"
	"syscall"
)

// reloadSignals tell a server to read its settings anew.
var reloadSignals = []os.Signal{syscall.SIGHUP}
