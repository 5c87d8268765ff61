//go:build linux && (amd64 || arm64)

package survey

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"time"
)

// Serve answers each line of in with a snapshot, so that whoever asks sets the pace and can ask again at once. It ends with in.
func Serve(o Options, in io.Reader, out io.Writer) error {
	s := Open(o)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	encoder := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	for first := true; lines.Scan(); first = false {
		started := time.Now()
		seen := s.Look()
		seen.Elapsed = time.Since(started).Seconds()
		if err := encoder.Encode(seen); err != nil {
			return err
		}
		if first {
			s.Watch(ctx)
		}
	}
	return lines.Err()
}
