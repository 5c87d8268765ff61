//go:build unix

package main

import (
	"os"
	"syscall"
)

// reloadSignals tell a server to read its settings anew.
var reloadSignals = []os.Signal{syscall.SIGHUP}

// freeSignals tell it to give memory back.
var freeSignals = []os.Signal{syscall.SIGUSR1}
