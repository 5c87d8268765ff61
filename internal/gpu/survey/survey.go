//go:build linux && (amd64 || arm64)

// Package survey looks at this machine's GPUs from inside the helper program: through NVML for what there is and who uses it, and through
// the CUDA driver for the order in which CUDA numbers them. It makes no context and takes no memory of any GPU. The two are matched
// by UUID, never by number. Whatever hangs or is wrong becomes one of the snapshot's problems.
package survey

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"sensevoice/internal/clib"
	"sensevoice/internal/cuda/driver"
	"sensevoice/internal/gpu"
	"sensevoice/internal/gpu/nvml"
)

// Options say where to look and how patiently.
type Options struct {
	NVML, CUDA string        // files of the libraries; "" is where they usually are
	Deadline   time.Duration // of each call; 0 is one second
}

// callDeadline lets two calls hang and still leaves an answer within gpu.LookDeadline.
const callDeadline = 1500 * time.Millisecond

// Surveyor holds the libraries open.
type Surveyor struct {
	nvml     *nvml.Library
	handles  map[nvml.Handle]string // whole GPUs: UUID
	ordinals map[string]int         // CUDA's order by UUID
	cuda     int                    // version
	problems []gpu.Problem          // from opening, which do not change
	xids     chan nvml.Event
	faults   map[string][]uint64 // Xids by UUID
}

// Open loads and starts the libraries. The surveyor works as far as they do.
func Open(o Options) *Surveyor {
	if o.Deadline == 0 {
		o.Deadline = callDeadline
	}
	s := &Surveyor{handles: map[nvml.Handle]string{}, ordinals: map[string]int{}, faults: map[string][]uint64{}, xids: make(chan nvml.Event, 64)}
	library, err := nvml.Open(nvml.Search(o.NVML), o.Deadline)
	if err != nil {
		s.problem(err, gpu.ProblemNoNVML, gpu.ProblemNVMLHang, gpu.ProblemNVML)
		return s // without NVML no GPU is used, so CUDA need not be asked
	}
	s.nvml = library
	s.askCUDA(o)
	return s
}

// problem files an error as missing, hang or refusal.
func (s *Surveyor) problem(err error, missing, hang, refused string) {
	p := gpu.Problem{Code: missing, Detail: err.Error()}
	var missingLibrary *clib.NotFoundError
	var hangs *clib.HangError
	var fromNVML *nvml.Error
	var fromCUDA *driver.Error
	switch {
	case errors.As(err, &missingLibrary):
		p.Detail = strings.TrimPrefix(missingLibrary.Reason, missingLibrary.Name+": ")
	case errors.As(err, &hangs):
		p.Code = hang
	case errors.As(err, &fromNVML):
		p.Code, p.Number = refused, int(fromNVML.Code)
	case errors.As(err, &fromCUDA):
		p.Code, p.Number = refused, int(fromCUDA.Code)
	}
	s.problems = append(s.problems, p)
}

// askCUDA learns the version and CUDA's order of the devices. cuInit makes no context.
func (s *Surveyor) askCUDA(o Options) {
	type answer struct {
		version  int
		ordinals map[string]int
		err      error
	}
	thread := clib.NewThread(o.Deadline)
	said := new(answer) // nobody's but the call's if that hangs
	if err := thread.Do("cuInit", func() {
		var l *driver.Library
		if l, said.err = driver.Open(driver.Search(o.CUDA)); said.err != nil {
			return
		}
		if said.version, said.err = l.Version(); said.err == nil && said.version >= driver.MinVersion {
			said.ordinals, said.err = order(l)
		}
	}); err != nil {
		s.problem(err, gpu.ProblemCUDA, gpu.ProblemCUDAHang, gpu.ProblemCUDA)
		return
	}
	thread.Close()
	s.cuda = said.version
	switch {
	case said.err != nil:
		s.problem(said.err, gpu.ProblemNoCUDA, gpu.ProblemCUDAHang, gpu.ProblemCUDA)
	case s.cuda < driver.MinVersion:
		s.problems = append(s.problems, gpu.Problem{Code: gpu.ProblemOldDriver, Number: s.cuda})
	default:
		s.ordinals = said.ordinals
	}
}

func order(l *driver.Library) (map[string]int, error) {
	if err := l.Init(); err != nil {
		return nil, err
	}
	count, err := l.Count()
	if err != nil {
		return nil, err
	}
	ordinals := map[string]int{}
	for i := range count {
		d, err := l.Device(i)
		if err != nil {
			return nil, err
		}
		uuid, err := l.UUID(d)
		if err != nil {
			return nil, err
		}
		ordinals[uuid] = i
	}
	return ordinals, nil
}

// Close shuts NVML down.
func (s *Surveyor) Close() {
	if s.nvml != nil {
		s.nvml.Close()
	}
}

// Watch begins to collect faults that the driver reports of the GPUs seen so far, for the snapshots that follow, until ctx ends. A
// driver without events is no fault: memory and processes are seen all the same.
func (s *Surveyor) Watch(ctx context.Context) {
	if s.nvml == nil || len(s.handles) == 0 {
		return
	}
	gpus := slices.Collect(maps.Keys(s.handles))
	go s.nvml.Events(ctx, gpus, func(e nvml.Event) {
		select {
		case s.xids <- e:
		default: // a storm of faults: the first ones tell
		}
	})
}
