package modelstore

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Store is a folder of models that were pulled. Several processes may use one at the same time.
//
//	<home>/models/<name>/             a whole model: manifest.json and the files it lists; nothing else ever appears here
//	<home>/models/.pull/<name>/       what pull has of a model so far
//	<home>/models/.pull/<name>.json   how much of each of its files is safely on disk, and from where
//	<home>/models/.lock/<name>        locked by whoever pulls or removes the model
type Store struct {
	models    string // <home>/models
	endpoints Endpoints

	transport   http.RoundTripper // nil: one of its own for each pull
	openPartial func(path string) (partialFile, error)
	freeSpace   func(dir string) (bytes int64, known bool)
}

// New returns the store in the folder home, which need not exist yet. Pull makes it.
func New(home string, endpoints Endpoints) (*Store, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, err
	}
	return &Store{
		models: filepath.Join(home, "models"), endpoints: endpoints.orPublic(),
		openPartial: openPartialFile, freeSpace: freeSpace,
	}, nil
}

// Default returns the user's store, in $SENSEVOICE_HOME, else sensevoice in $XDG_DATA_HOME, else in
// ~/.local/share (%LocalAppData% on Windows). Its endpoints are those of [EndpointsFromEnv].
func Default(getenv func(string) string) (*Store, error) {
	endpoints, err := EndpointsFromEnv(getenv)
	if err != nil {
		return nil, err
	}
	home, err := homeFromEnv(getenv)
	if err != nil {
		return nil, err
	}
	return New(home, endpoints)
}

func homeFromEnv(getenv func(string) string) (string, error) {
	if home := getenv("SENSEVOICE_HOME"); home != "" {
		return home, nil
	}
	// The XDG specification wants relative paths ignored.
	if data := getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "sensevoice"), nil
	}
	if data := getenv("LocalAppData"); runtime.GOOS == "windows" && filepath.IsAbs(data) {
		return filepath.Join(data, "sensevoice"), nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "share", "sensevoice"), nil
	}
	return "", errors.New("no folder for models: set SENSEVOICE_HOME (or HOME)")
}

// Dir returns the folder that holds a folder for each model.
func (s *Store) Dir() string { return s.models }

// The places of a model and of what belongs to it. The name has been checked.
func (s *Store) modelDir(name string) string { return filepath.Join(s.models, name) }
func (s *Store) pullDir() string             { return filepath.Join(s.models, ".pull") }
func (s *Store) stageDir(name string) string { return filepath.Join(s.pullDir(), name) }
func (s *Store) stateFile(name string) string {
	return filepath.Join(s.pullDir(), name+".json")
}

// replacedDir is where a model is put aside while it is replaced or removed. No name begins with a dot.
func (s *Store) replacedDir(name string) string { return filepath.Join(s.pullDir(), "."+name) }

// Entry is a model in the store.
type Entry struct {
	Name     string
	Dir      string    // holds the files; "" if the model has only been pulled in part
	Manifest *Manifest // nil if there is none to rely on
	Partial  int64     // bytes that an unfinished pull has so far
	Err      error     // why the model cannot be used as it is, found without reading its files
}

// List returns the models, whole and in part, by name. A store that does not exist has none.
func (s *Store) List() ([]Entry, error) {
	var list []Entry
	found, err := readNames(s.models)
	if err != nil {
		return nil, err
	}
	for _, name := range found {
		if info, err := os.Stat(s.modelDir(name)); err != nil || !info.IsDir() {
			continue
		}
		e := Entry{Name: name, Dir: s.modelDir(name)}
		e.Manifest, e.Err = s.look(name)
		list = append(list, e)
	}
	pulling, err := readNames(s.pullDir())
	if err != nil {
		return nil, err
	}
	for _, file := range pulling {
		name, isState := strings.CutSuffix(file, ".json")
		if !isState || slices.Contains(found, name) {
			continue
		}
		list = append(list, Entry{
			Name: name, Partial: readPullState(s.stateFile(name)).bytes(),
			Err: fmt.Errorf("model %s was pulled only in part: to resume, run: sensevoice model pull %s", name, name),
		})
	}
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// readNames returns the entries of a folder that can be models or belong to one.
func readNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if checkName(strings.TrimSuffix(e.Name(), ".json")) == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Get finds a whole model by its name or an alias. It looks at the presence and sizes of the files, not
// at their content, which is for Verify. The error wraps fs.ErrNotExist if there is no such model, and
// is a *DamagedError or *FormatError if what there is cannot be right.
func (s *Store) Get(name string) (*Entry, error) {
	name, err := storedName(name)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(s.modelDir(name)); err != nil {
		return nil, s.notFound(name, err)
	}
	m, err := s.look(name)
	if err != nil {
		return nil, err
	}
	return &Entry{Name: name, Dir: s.modelDir(name), Manifest: m}, nil
}

func (s *Store) notFound(name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	hint := "sensevoice model list shows those there are"
	if _, known := Lookup(name); known {
		hint = "to get it, run: sensevoice model pull " + name
	}
	return fmt.Errorf("no model %s in %s (%s): %w", name, s.models, hint, fs.ErrNotExist)
}

// look reads a model's manifest and compares the sizes of its files.
func (s *Store) look(name string) (*Manifest, error) {
	m, err := readManifest(filepath.Join(s.modelDir(name), manifestName), name)
	if err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		info, err := os.Stat(filepath.Join(s.modelDir(name), f.Name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return m, &DamagedError{name, f.Name, errors.New("it is missing")}
		case err != nil:
			return m, &DamagedError{name, f.Name, err}
		case info.Size() != f.Size:
			return m, &DamagedError{name, f.Name, fmt.Errorf("it has %d bytes instead of %d", info.Size(), f.Size)}
		}
	}
	return m, nil
}

// Remove deletes a model, or what there is of it. The error wraps fs.ErrNotExist if there is nothing,
// and ErrBusy if it is being pulled right now.
func (s *Store) Remove(name string) error {
	name, err := storedName(name)
	if err != nil {
		return err
	}
	// Asked before locking, so that a name mistyped leaves no lock behind.
	if !exists(s.modelDir(name)) && !exists(s.stageDir(name)) && !exists(s.stateFile(name)) {
		return s.notFound(name, fs.ErrNotExist)
	}
	unlock, err := s.tryLock(name)
	if err != nil {
		return fmt.Errorf("remove model %s: %w", name, err)
	}
	defer unlock()
	if err := s.putAside(name); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(s.replacedDir(name)), os.RemoveAll(s.stageDir(name)), os.RemoveAll(s.stateFile(name)))
}

// putAside takes a model from where it is found, in one step, if it is there.
func (s *Store) putAside(name string) error {
	if err := errors.Join(os.RemoveAll(s.replacedDir(name)), os.MkdirAll(s.pullDir(), 0o755)); err != nil {
		return err
	}
	err := os.Rename(s.modelDir(name), s.replacedDir(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// DamagedError says that a file of a model in the store is not what was pulled.
type DamagedError struct {
	Model, File string
	Err         error // the reason
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("model %s: file %s is damaged: %v; to repair it, run: sensevoice model pull %s", e.Model, e.File, e.Err, e.Model)
}

// Unwrap returns the reason.
func (e *DamagedError) Unwrap() error { return e.Err }

var (
	namePattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	fileNamePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
)

// checkName refuses names that could leave the store, or mean the same as another one on some system.
func checkName(name string) error {
	if !namePattern.MatchString(name) || strings.HasSuffix(name, ".") || strings.HasSuffix(name, ".json") {
		return fmt.Errorf("model name %q: want at most 64 of a-z, 0-9, dot, dash and underscore, a letter or digit first, and not .json last", clip(name))
	}
	return nil
}

// checkFileName does the same for the files of a model.
func checkFileName(name string) error {
	if !fileNamePattern.MatchString(name) || strings.HasSuffix(name, ".") {
		return fmt.Errorf("file name %q: want at most 128 letters, digits, dots, dashes and underscores", clip(name))
	}
	if strings.EqualFold(name, manifestName) || strings.HasSuffix(strings.ToLower(name), partialSuffix) {
		return fmt.Errorf("file name %q is reserved", name)
	}
	return nil
}

// storedName turns what a user wrote into the name of a folder of the store.
func storedName(name string) (string, error) {
	if known, ok := Lookup(name); ok {
		return known.Name, nil
	}
	return name, checkName(name)
}

// clip cuts text from outside to a length fit for a message.
func clip(s string) string {
	const longest = 120
	if len(s) > longest {
		return s[:longest] + "..."
	}
	return s
}
