package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Value is what a setting was given, and where.
type Value struct {
	Text   string
	Origin string // "SENSEVOICE_PORT in the environment", ".env:3", "server.yaml:12"
}

// Sources are the places that values come from, other than the command line.
type Sources struct {
	environ func(string) string
	dotenv  map[string]Value
	yaml    map[string]Value
}

// maxFile bounds a file of settings, in bytes.
const maxFile = 1 << 20

// Open reads the files of settings. dotenv may be missing if it is the default one, ".env"; yaml is "" for none.
// Keys are those that the YAML file may have; another one is an error.
func Open(environ func(string) string, dotenv, yaml string, keys []string) (*Sources, error) {
	s := &Sources{environ: environ}
	data, err := read(dotenv)
	switch {
	case errors.Is(err, fs.ErrNotExist) && dotenv == DefaultDotEnv:
	case err != nil:
		return nil, err
	default:
		if s.dotenv, err = parseDotEnv(dotenv, data); err != nil {
			return nil, err
		}
	}
	if yaml == "" {
		return s, nil
	}
	if data, err = read(yaml); err != nil {
		return nil, err
	}
	s.yaml, err = parseYAML(yaml, data, keys)
	return s, err
}

// DefaultDotEnv is the .env file that is read without being named.
const DefaultDotEnv = ".env"

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("larger than %v", Bytes(maxFile))
	}
	if err != nil {
		return nil, fmt.Errorf("settings: %s: %w", path, err)
	}
	return data, nil
}

// Lookup finds the value of a setting by its variables and its key in the YAML file. An empty variable counts as not
// set, as it does in shells and compose files.
func (s *Sources) Lookup(variables []string, key string) (Value, bool) {
	for _, name := range variables {
		if text := s.environ(name); text != "" {
			return Value{text, name + " in the environment"}, true
		}
	}
	for _, name := range variables {
		if v := s.dotenv[name]; v.Text != "" {
			return v, true
		}
	}
	v, ok := s.yaml[key]
	return v, ok
}

// Variables returns the names of all variables of an environment as os.Environ has it, and of .env.
func (s *Sources) Variables(environ []string) []string {
	var names []string
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if value != "" {
			names = append(names, name)
		}
	}
	for name, v := range s.dotenv {
		if v.Text != "" && s.environ(name) == "" {
			names = append(names, name)
		}
	}
	return names
}

// Getenv is the environment with .env behind it.
func (s *Sources) Getenv(name string) string {
	v, _ := s.Lookup([]string{name}, "")
	return v.Text
}
