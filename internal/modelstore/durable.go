package modelstore

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// writeDurable makes a file whose content write gives, in one step: whatever happens, path is the old
// file or the whole new one, and on success it stays so when the power fails.
func writeDurable(path string, write func(f *os.File) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(write(f), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return renameDurable(f.Name(), path)
}

// renameDurable renames within a file system and makes the new name survive a loss of power.
func renameDurable(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

// syncDir writes a folder's list of names to the disk.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // has no such call; NTFS logs its metadata in order
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
