package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sensevoice/internal/audio"
)

// input is a recording to transcribe.
type input struct {
	path string // "-" is standard input
	name string // in results
	out  string // where its transcript belongs below the output folder, without extension
	size int64  // bytes; 0: unknown
}

// soundExtensions are those of files that are taken from a folder. Files without any are looked into.
var soundExtensions = []string{
	".3gp", ".aac", ".ac3", ".aif", ".aiff", ".amr", ".au", ".avi", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mkv", ".mov", ".mp2", ".mp3",
	".mp4", ".mpga", ".oga", ".ogg", ".opus", ".rf64", ".spx", ".w64", ".wav", ".wave", ".webm", ".wma",
}

// listInputs finds the recordings that arguments name. What cannot be found is told in missing and does not stop the others.
func listInputs(args []string) (inputs []input, missing []error, err error) {
	for _, arg := range args {
		if arg == "-" {
			if slices.ContainsFunc(inputs, func(i input) bool { return i.path == "-" }) {
				return nil, nil, usageError{errors.New("standard input can be read only once: name - once")}
			}
			inputs = append(inputs, input{path: "-", name: "stdin", out: "stdin"})
			continue
		}
		info, err := os.Stat(arg)
		switch {
		case err != nil:
			missing = append(missing, fmt.Errorf("%s: %w", arg, reason(err)))
		case !info.IsDir():
			base := filepath.Base(arg)
			in := input{path: arg, name: arg, out: strings.TrimSuffix(base, filepath.Ext(base))}
			if info.Mode().IsRegular() {
				in.size = info.Size()
			}
			inputs = append(inputs, in)
		default:
			found, err := listFolder(arg)
			if err == nil && len(found) == 0 {
				err = errors.New("the folder holds no sound files")
			}
			if err != nil {
				missing = append(missing, fmt.Errorf("%s: %w", arg, err))
			}
			inputs = append(inputs, found...)
		}
	}
	return inputs, missing, nil
}

// listFolder finds the recordings in a folder and those below it. Hidden ones are left out.
func listFolder(root string) (found []input, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != root && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := os.Stat(path) // follows links
		if err != nil || !info.Mode().IsRegular() || !isSound(path) {
			return nil
		}
		below, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		found = append(found, input{path: path, name: path, out: strings.TrimSuffix(below, filepath.Ext(below)), size: info.Size()})
		return nil
	})
	return found, err
}

// isSound reports whether a file is to be taken for a recording.
func isSound(path string) bool {
	if ext := filepath.Ext(path); ext != "" {
		return slices.Contains(soundExtensions, strings.ToLower(ext))
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, audio.SniffSize)
	n, _ := io.ReadFull(f, head)
	return audio.Sniff(head[:n]).Sound
}

// reason is an error without the path that the caller names.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
