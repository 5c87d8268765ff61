package modelstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// PullOptions says what to pull, and from where.
type PullOptions struct {
	Model     string // name or alias of a known model, or the http or https URL of one file
	Name      string // for a URL: the name to keep the model under; "" takes the file's
	From      Hub    // for a known model; "" is Hugging Face
	UserAgent string // how to introduce the program to servers

	// Progress, if not nil, is called often, from the goroutine that called Pull.
	Progress func(Progress)
}

// Progress is a step of a pull or a verification: either a message, or how far a file has come.
type Progress struct {
	Message string // a line for the user, such as why there is a delay; the rest is then zero

	Action       string // "download" or "verify"
	File         string
	Index, Files int   // the file is number Index, from 1, of Files
	Done, Total  int64 // bytes; Total is -1 while it is unknown
}

// Pull makes a model of the store whole. A model that is whole already, by the checksums of its files,
// is left as it is, without touching the network; otherwise the files that are missing or damaged are
// downloaded, from where an earlier pull stopped if there was one. The model appears in the store when
// every file is there and verified, in one step. If somebody else is pulling it, Pull waits for that.
//
// Whatever the error, the store holds no bad file, and pulling again resumes. Among the errors are
// *StatusError, *DigestError, *SpaceError and ctx.Err().
func (s *Store) Pull(ctx context.Context, o PullOptions) (*Manifest, error) {
	plan, err := s.plan(o)
	if err != nil {
		return nil, err
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	client, closeIdle := s.client()
	defer closeIdle()
	p := &pull{store: s, plan: plan, report: o.Progress, agent: cmp.Or(o.UserAgent, "sensevoice"), client: client}
	unlock, err := s.lock(ctx, plan.name, func() { p.notify("%s is being pulled by somebody else: waiting for that to end", plan.name) })
	if err != nil {
		return nil, fmt.Errorf("pull %s: %w", plan.name, err)
	}
	defer unlock()
	m, err := p.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("pull %s: %w", plan.name, p.withHint(err))
	}
	return m, nil
}

// pull is one call of Pull, with the model locked.
type pull struct {
	store  *Store
	plan   *plan
	report func(Progress)
	agent  string
	client *http.Client
	old    *Manifest // of the damaged model that is there, or nil
	state  *pullState
}

func (p *pull) notify(format string, args ...any) {
	p.report(Progress{Message: fmt.Sprintf(format, args...)})
}

// progress returns a callback for the bytes of a file, counted from 0.
func (p *pull) progress(action string, index int) func(done, total int64) {
	file := p.plan.files[index].name
	return func(done, total int64) {
		p.report(Progress{Action: action, File: file, Index: index + 1, Files: len(p.plan.files), Done: done, Total: total})
	}
}

func (p *pull) run(ctx context.Context) (*Manifest, error) {
	whole, err := p.installed(ctx)
	if whole != nil || err != nil {
		return whole, err
	}
	stage := p.store.stageDir(p.plan.name)
	if err := os.MkdirAll(stage, 0o755); err != nil {
		return nil, err
	}
	p.state = readPullState(p.store.stateFile(p.plan.name))
	if err := p.checkSpace(); err != nil {
		return nil, err
	}
	m, err := p.files(ctx)
	if err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(stage, manifestName), m); err != nil {
		return nil, err
	}
	return m, p.install(m)
}

// installed returns the manifest of the model if it is there and whole, and remembers that of a damaged one.
func (p *pull) installed(ctx context.Context) (*Manifest, error) {
	name := p.plan.name
	dir := p.store.modelDir(name)
	if !exists(dir) {
		return nil, nil
	}
	m, err := readManifest(filepath.Join(dir, manifestName), name)
	if errors.Is(err, errNoManifest) {
		return nil, err
	}
	if err != nil {
		p.notify("%v: pulling it again", err)
		return nil, nil
	}
	if err := p.sameOrigin(m); err != nil {
		return nil, err
	}
	err = p.store.Verify(ctx, name, p.report)
	if err == nil {
		return m, nil
	}
	if _, damaged := errors.AsType[*DamagedError](err); !damaged {
		return nil, err
	}
	p.notify("%v", err)
	p.old = m
	return nil, nil
}

// sameOrigin keeps one URL's file from being taken for another's of the same name.
func (p *pull) sameOrigin(m *Manifest) error {
	if _, known := Lookup(p.plan.name); known || len(m.Files) == 0 {
		return nil
	}
	if want := withoutUser(p.plan.files[0].url); m.Files[0].URL != want {
		return fmt.Errorf("the name is taken by what was pulled from %s: choose another name, or remove that model first", m.Files[0].URL)
	}
	return nil
}

// checkSpace refuses to begin what is known not to fit.
func (p *pull) checkSpace() error {
	need := int64(0)
	for _, w := range p.plan.files {
		if w.size >= 0 {
			need += max(w.size-p.state.file(w.name).Have, 0)
		}
	}
	return p.store.checkSpace(need)
}

// files makes every file of the plan lie in the stage, and returns the manifest of them.
func (p *pull) files(ctx context.Context) (*Manifest, error) {
	m := &Manifest{Version: manifestVersion, Name: p.plan.name}
	for i, w := range p.plan.files {
		f, err := p.file(ctx, i, w)
		if status, ok := errors.AsType[*StatusError](err); ok && w.optional && status.Code == 404 {
			continue
		}
		if err != nil {
			return nil, err
		}
		m.Files = append(m.Files, *f)
	}
	return m, nil
}

// file makes a file of the plan lie in the stage: it does so already, or it is taken from a damaged
// model whose other files are damaged, or downloaded.
func (p *pull) file(ctx context.Context, index int, w wantedFile) (*File, error) {
	trust := Released
	if w.sha256 == "" {
		trust = FirstUse
		if known := p.old.file(w.name); known != nil {
			w.sha256, w.size = known.SHA256, known.Size
		}
	}
	if r := p.state.file(w.name); r.complete() && (r.SHA256 == w.sha256 || w.sha256 == "" && r.URL == withoutUser(w.url)) {
		if ok, err := p.holds(ctx, index, p.staged(w.name), r.Size, r.SHA256); ok || err != nil {
			return &r.File, err
		}
	}
	if known := p.old.file(w.name); known != nil && known.SHA256 == w.sha256 {
		if f, err := p.keep(ctx, index, known); f != nil || err != nil {
			return f, err
		}
	}
	return p.download(ctx, index, w, trust)
}

func (p *pull) staged(name string) string {
	return filepath.Join(p.store.stageDir(p.plan.name), name)
}

// keep links a file of the damaged model into the stage if it is sound.
func (p *pull) keep(ctx context.Context, index int, f *File) (*File, error) {
	path := filepath.Join(p.store.modelDir(p.plan.name), f.Name)
	ok, err := p.holds(ctx, index, path, f.Size, f.SHA256)
	if !ok || err != nil {
		return nil, err
	}
	os.Remove(p.staged(f.Name))
	if os.Link(path, p.staged(f.Name)) != nil {
		return nil, nil // not every file system has links: download it
	}
	return f, p.state.set(record{File: *f, Have: f.Size})
}

// holds reports whether a file is there with that content.
func (p *pull) holds(ctx context.Context, index int, path string, size int64, sha256 string) (bool, error) {
	err := checkFile(ctx, path, size, sha256, p.progress("verify", index))
	return err == nil, ctx.Err()
}

// install puts the stage in the place of the model that is there, if any.
func (p *pull) install(m *Manifest) error {
	s, name := p.store, p.plan.name
	if err := clearStage(s.stageDir(name), m); err != nil {
		return err
	}
	if err := s.putAside(name); err != nil {
		return err
	}
	if err := renameDurable(s.stageDir(name), s.modelDir(name)); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(s.stateFile(name)), os.RemoveAll(s.replacedDir(name)))
}

// clearStage deletes what does not belong to the model: remains of a pull from another hub, or of a crash.
func clearStage(dir string, m *Manifest) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name != manifestName && m.file(name) == nil {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return syncDir(dir)
}

// withHint adds to an error how much an interrupted pull leaves for the next.
func (p *pull) withHint(err error) error {
	if p.state == nil || p.state.bytes() == 0 {
		return err
	}
	return fmt.Errorf("%w (%.1f MB are kept: pull again to resume, or remove the model)", err, float64(p.state.bytes())/1e6)
}

// now is the time for manifests: whole seconds, in UTC.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
