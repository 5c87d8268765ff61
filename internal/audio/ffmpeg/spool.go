package ffmpeg

import (
	"errors"
	"fmt"
	"io"
	"os"

	"sensevoice/internal/audio"
)

// maxSpool bounds a temporary file where the caller sets no limit.
const maxSpool = 4 << 30

// temporary is a file that is gone once closed.
type temporary struct{ *os.File }

func (t temporary) Close() error {
	return errors.Join(t.File.Close(), os.Remove(t.Name()))
}

// spool copies a recording to a temporary file.
func spool(r io.Reader, limit int64) (temporary, error) {
	if limit <= 0 {
		limit = maxSpool
	}
	file, err := os.CreateTemp("", "sensevoice-*")
	if err != nil {
		return temporary{}, fmt.Errorf("a temporary file for ffmpeg: %w", err)
	}
	t := temporary{file}
	n, err := io.Copy(file, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = &audio.TooLargeError{Limit: limit}
	}
	if err != nil {
		return temporary{}, errors.Join(err, t.Close())
	}
	return t, nil
}
