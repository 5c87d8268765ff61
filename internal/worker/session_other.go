//go:build !linux

package worker

import (
	"context"
	"errors"
)

// open fails: there are no GPUs here that could be used.
func open(context.Context, Options) (session, error) {
	return nil, errors.New("GPU workers need Linux")
}
