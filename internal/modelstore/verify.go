package modelstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// Verify reads all files of a model and compares them with what was pulled. The error is a
// *DamagedError that names the bad file, or one of Get, or ctx.Err(). Progress may be nil.
func (s *Store) Verify(ctx context.Context, name string, progress func(Progress)) error {
	e, err := s.Get(name)
	if err != nil {
		return err
	}
	if progress == nil {
		progress = func(Progress) {}
	}
	for i, f := range e.Manifest.Files {
		report := func(done, total int64) {
			progress(Progress{Action: "verify", File: f.Name, Index: i + 1, Files: len(e.Manifest.Files), Done: done, Total: total})
		}
		err := checkFile(ctx, filepath.Join(e.Dir, f.Name), f.Size, f.SHA256, report)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return &DamagedError{e.Name, f.Name, err}
		}
	}
	return nil
}

// checkFile reads a file and compares its size and checksum.
func checkFile(ctx context.Context, path string, size int64, sum string, progress func(done, total int64)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != size {
		return fmt.Errorf("it has %d bytes instead of %d", info.Size(), size)
	}
	h := sha256.New()
	if err := hashBytes(ctx, h, f, size, progress); err != nil {
		return err
	}
	if got := hexSum(h); got != sum {
		return fmt.Errorf("its SHA-256 is %s instead of %s", got, sum)
	}
	return nil
}

// hashBytes adds the next size bytes of r to a hash.
func hashBytes(ctx context.Context, h hash.Hash, r io.Reader, size int64, progress func(done, total int64)) error {
	buffer := make([]byte, min(size, 1<<20))
	for done := int64(0); done < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(r, buffer[:min(size-done, int64(len(buffer)))])
		if err != nil {
			return err
		}
		h.Write(buffer[:n])
		done += int64(n)
		progress(done, size)
	}
	return nil
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
