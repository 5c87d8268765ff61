package modelstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	partialSuffix = ".partial"
	maxFileSize   = 1 << 40 // bytes; far beyond any model, far from overflow
	// checkpointBytes is how much is written before it is made safe against a crash.
	checkpointBytes = 16 << 20
)

// partialFile is what a download needs of an *os.File.
type partialFile interface {
	io.ReadWriteSeeker
	Truncate(size int64) error
	Sync() error
	Close() error
}

func openPartialFile(path string) (partialFile, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
}

// DigestError says that a file came with other content than it must have. It has been deleted.
type DigestError struct {
	File, URL string
	Got, Want string // SHA-256
	Reason    string // why Want is wanted
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("%s: %s has SHA-256 %s, not the %s %s; try again, or another hub or mirror", e.URL, e.File, e.Got, e.Want, e.Reason)
}

// SpaceError says that the disk has too little space.
type SpaceError struct {
	Dir        string
	Need, Free int64 // bytes
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("not enough space in %s: %d MB are needed, %d MB are free; make room, or set SENSEVOICE_HOME to a folder on another disk",
		e.Dir, (e.Need+999_999)/1_000_000, e.Free/1_000_000)
}

func (s *Store) checkSpace(need int64) error {
	if free, known := s.freeSpace(s.models); known && free < need {
		return &SpaceError{s.models, need, free}
	}
	return nil
}

// download is a file on its way into the stage.
type download struct {
	store  *Store
	client *http.Client
	agent  string
	want   wantedFile
	state  *pullState
	path   string // of the partial file

	file      partialFile
	size      int64 // bytes of the whole, -1 if unknown
	validator string
	have      int64 // bytes in the file, all of them in hash
	synced    int64 // of these, safe against a crash
	hash      hash.Hash
	stitched  bool       // bytes of more than one answer are in it
	linked    linkedFile // as the latest answer says

	progress func(done, total int64)
	notify   func(format string, args ...any)
}

// download fetches a file, verifies it and puts it into the stage.
func (p *pull) download(ctx context.Context, index int, w wantedFile, trust Trust) (*File, error) {
	d := &download{
		store: p.store, client: p.client, agent: p.agent, want: w, state: p.state, path: p.staged(w.name) + partialSuffix,
		size: w.size, hash: sha256.New(), progress: p.progress("download", index), notify: p.notify,
	}
	err := d.open(ctx)
	if err == nil {
		err = d.finish(ctx)
	}
	if err = errors.Join(err, d.close()); err != nil {
		return nil, err
	}
	if err := renameDurable(d.path, p.staged(w.name)); err != nil {
		return nil, err
	}
	f := File{Name: w.name, URL: withoutUser(w.url), Size: d.have, SHA256: hexSum(d.hash), Trust: trust, Pulled: now()}
	return &f, p.state.set(record{File: f, Have: f.Size})
}

// open opens the partial file and takes up what an earlier pull left, if it can be continued.
func (d *download) open(ctx context.Context) (err error) {
	if d.file, err = d.store.openPartial(d.path); err != nil {
		return err
	}
	r := d.state.file(d.want.name)
	if r.Have == 0 || r.complete() || !d.continues(r) {
		return d.restart()
	}
	err = hashBytes(ctx, d.hash, d.file, r.Have, func(int64, int64) {})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil: // the file is shorter than the record says
		return d.restart()
	}
	d.have, d.synced, d.validator, d.stitched = r.Have, r.Have, r.Validator, true
	if d.size < 0 {
		d.size = r.Size
	}
	return d.file.Truncate(d.have)
}

// continues reports whether what a record is about can be a part of the wanted file. A checksum known
// beforehand decides in the end, whatever server the bytes came from; without one the server must be
// asked for the same version.
func (d *download) continues(r record) bool {
	if d.want.sha256 != "" {
		return r.Have <= d.want.size
	}
	return r.URL == withoutUser(d.want.url) && r.Validator != "" && (r.Size < 0 || r.Have <= r.Size)
}

// restart forgets all bytes.
func (d *download) restart() error {
	d.have, d.synced, d.size, d.validator, d.stitched = 0, 0, d.want.size, "", false
	d.hash.Reset()
	if err := d.file.Truncate(0); err != nil {
		return err
	}
	_, err := d.file.Seek(0, io.SeekStart)
	return err
}

// finish downloads what is missing and verifies the whole. If it was stitched together, a wrong checksum
// may come from parts that do not belong together, and the download begins once more.
func (d *download) finish(ctx context.Context) error {
	for first := true; ; first = false {
		if err := d.attempts(ctx); err != nil {
			return errors.Join(err, d.checkpoint())
		}
		err := d.verify()
		if err == nil {
			return d.file.Sync()
		}
		again := first && d.stitched
		if failed := errors.Join(d.restart(), d.checkpoint()); failed != nil || !again {
			return errors.Join(err, failed)
		}
		d.notify("%v; starting over", err)
	}
}

// verify compares the checksum with the one that is known, and with the one that the hub announced.
func (d *download) verify() error {
	fail := func(want, reason string) error {
		return &DigestError{File: d.want.name, URL: withoutUser(d.want.url), Got: hexSum(d.hash), Want: want, Reason: reason}
	}
	switch got := hexSum(d.hash); {
	case d.want.sha256 != "" && got != d.want.sha256:
		return fail(d.want.sha256, "that it was released with or first pulled with")
	case d.linked.sha256 != "" && got != d.linked.sha256:
		return fail(d.linked.sha256, "that the hub announced")
	}
	return nil
}

// checkpoint makes the bytes so far safe against a crash and remembers them.
func (d *download) checkpoint() error {
	if err := d.file.Sync(); err != nil {
		return err
	}
	d.synced = d.have
	return d.state.set(record{
		File: File{Name: d.want.name, URL: withoutUser(d.want.url), Size: d.size},
		Have: d.have, Validator: d.validator,
	})
}

func (d *download) close() error {
	if d.file == nil {
		return nil
	}
	return d.file.Close()
}

// Write appends bytes that came from the server.
func (d *download) Write(data []byte) (int, error) {
	n, err := d.file.Write(data)
	d.hash.Write(data[:n])
	d.have += int64(n)
	if err == nil && d.have-d.synced >= checkpointBytes {
		err = d.checkpoint()
	}
	d.progress(d.have, d.size)
	if err != nil {
		return n, &diskError{err}
	}
	return n, nil
}

// diskError sets a failure to write apart from one of the network.
type diskError struct{ error }

func (e *diskError) Unwrap() error { return e.error }

const (
	maxAttempts = 6 // in a row without substantialProgress
	// substantialProgress is how many bytes make the count of attempts begin anew: a line that breaks
	// every minute still brings a gigabyte, but a server that sends crumbs is given up.
	substantialProgress = 1 << 20
	maxRetryAfter       = 5 * time.Minute
)

// attempts asks for the rest of the file until it is there, patiently where waiting may help.
func (d *download) attempts(ctx context.Context) error {
	furthest := d.have
	for failures := 0; d.size < 0 || d.have < d.size; {
		err := d.attempt(ctx)
		if err == nil {
			return nil
		}
		temporary, ok := errors.AsType[*temporaryError](err)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !ok {
			return err
		}
		if d.have-furthest >= substantialProgress {
			failures, furthest = 0, d.have
		}
		if failures++; failures == maxAttempts {
			return fmt.Errorf("given up after %d attempts: %w", maxAttempts, err)
		}
		if temporary.after > maxRetryAfter {
			return fmt.Errorf("%w; the server asks to come back in %v", err, temporary.after.Round(time.Second))
		}
		wait := max(backOff(failures), temporary.after)
		d.notify("%v; trying again in %v", err, wait.Round(100*time.Millisecond))
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}
