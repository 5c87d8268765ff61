// Package access knows who may use the server: keys from a file, compared in constant time.
package access

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
)

// Keys are the API keys that are accepted. Any number of goroutines may use them, also while they are read anew.
type Keys struct {
	list atomic.Pointer[[]key]
}

type key struct {
	name string
	hash [sha256.Size]byte // so that all keys are equally long and comparing them takes equally long
}

const (
	maxFile  = 4 << 20
	shortest = 8 // of a key, in bytes
)

// Load reads a file of keys in place of those known so far; "" is no keys. After an error the known ones stay.
//
// A line is "name:key" or a key alone; empty lines and those that begin with # are skipped. The name is what logs and
// limits know the caller by.
func (k *Keys) Load(path string) error {
	if path == "" {
		k.list.Store(nil)
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("API keys: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errors.New("larger than 4 MiB")
	}
	var list []key
	if err == nil {
		list, err = parse(data)
	}
	if err != nil {
		return fmt.Errorf("API keys: %s: %w", path, err)
	}
	k.list.Store(&list)
	return nil
}

// parse reads the lines of a file. Its errors name lines, never what stands in them.
func parse(data []byte) ([]key, error) {
	var list []key
	names, hashes := map[string]bool{}, map[[sha256.Size]byte]bool{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, secret, named := strings.Cut(line, ":")
		if !named {
			name, secret = fmt.Sprintf("key-%d", number), line
		}
		name, secret = strings.TrimSpace(name), strings.TrimSpace(secret)
		hash := sha256.Sum256([]byte(secret))
		switch {
		case name == "":
			return nil, fmt.Errorf("line %d: the name before the colon is empty", number)
		case len(secret) < shortest:
			return nil, fmt.Errorf("line %d: a key must have %d characters or more", number, shortest)
		case strings.ContainsAny(secret, " \t"):
			return nil, fmt.Errorf("line %d: a key must have no spaces", number)
		case names[name]:
			return nil, fmt.Errorf("line %d: the name %q is used twice", number, name)
		case hashes[hash]:
			return nil, fmt.Errorf("line %d: the key is listed twice", number)
		}
		names[name], hashes[hash] = true, true
		list = append(list, key{name, hash})
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("holds no keys, so nobody could call; write lines \"name:key\"")
	}
	return list, nil
}

// Required reports whether there are keys, so that callers must show one.
func (k *Keys) Required() bool { return k.list.Load() != nil }

// Check returns the name of a caller's key. The time it takes does not tell how much of a key is right.
func (k *Keys) Check(secret string) (name string, ok bool) {
	list := k.list.Load()
	if list == nil {
		return "", false
	}
	hash := sha256.Sum256([]byte(secret))
	for _, known := range *list {
		if subtle.ConstantTimeCompare(known.hash[:], hash[:]) == 1 {
			name, ok = known.name, true
		}
	}
	return name, ok
}
