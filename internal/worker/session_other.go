//go:build !linux

package worker

import (
	"context"
	"errors"
)

// Supported tells whether there can be workers on this system.
const Supported = false

var errUnsupported = errors.New("worker processes need Linux")

// open fails: there are no workers here.
func open(context.Context, Options) (session, error) { return nil, errUnsupported }

// Serve fails: there is no server here that starts workers.
func Serve(func() (Handler, error)) error { return errUnsupported }
