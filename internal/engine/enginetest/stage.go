package enginetest

import (
	"slices"
	"testing"

	"sensevoice/internal/engine"
)

const (
	stageBytes = 16 << 20
	align      = 4096
	guardRows  = 64
	guardValue = 8191
)

var nan = func() float32 { var zero float32; return zero / zero }()

// stage is an engine and the places of a test's buffers in its arena. Each buffer starts out full of NaN and has a
// guard behind it.
type stage struct {
	*testing.T
	engine.Engine
	end    int64
	guards []engine.Buffer
}

func newStage(t *testing.T, e engine.Engine) *stage {
	t.Helper()
	if err := e.Reserve(stageBytes); err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, Engine: e}
	s.clear()
	return s
}

// Name is the engine's, not the test's.
func (s *stage) Name() string { return s.Engine.Name() }

// clear forgets all buffers. A first guard lies before those to come.
func (s *stage) clear() {
	s.end, s.guards = 0, nil
	s.guard()
}

func (s *stage) guard() {
	g := engine.Buffer{Offset: s.end, Rows: guardRows, Channels: 1}
	s.Load(g, slices.Repeat([]float32{guardValue}, guardRows))
	s.guards = append(s.guards, g)
	s.end += (s.BufferBytes(guardRows, 1) + align - 1) / align * align
}

// scratch places that many bytes.
func (s *stage) scratch(bytes int64) engine.Buffer {
	s.Helper()
	b := engine.Buffer{Offset: s.end}
	if s.end+bytes+align > s.Reserved() {
		s.Fatalf("%d bytes do not fit behind %d", bytes, s.end)
	}
	rows := int(bytes / 4)
	for rows > 0 && s.BufferBytes(rows, 1) > bytes {
		rows--
	}
	if rows > 0 {
		s.Load(engine.Buffer{Offset: b.Offset, Rows: rows, Channels: 1}, slices.Repeat([]float32{nan}, rows))
	}
	s.end += (bytes + 63) / 64 * 64 // the guard follows closely
	s.guard()
	return b
}

// buffer places activations, NaN all of them.
func (s *stage) buffer(rows, channels int) engine.Buffer {
	s.Helper()
	b := s.scratch(s.BufferBytes(rows, channels))
	b.Rows, b.Channels = rows, channels
	return b
}

// loaded places activations with values.
func (s *stage) loaded(values []float32, channels int) engine.Buffer {
	s.Helper()
	b := s.buffer(len(values)/channels, channels)
	s.Load(b, values)
	return b
}

// values reads a buffer back, having checked that no guard was written.
func (s *stage) values(b engine.Buffer) []float32 {
	s.Helper()
	s.checkGuards()
	values := make([]float32, b.Rows*b.Channels)
	s.Read(values, b)
	return values
}

func (s *stage) checkGuards() {
	s.Helper()
	for _, g := range s.guards {
		values := make([]float32, guardRows)
		s.Read(values, g)
		for i, v := range values {
			if v != guardValue {
				s.Fatalf("wrote %v outside of a buffer, %d numbers behind byte %d", v, i, g.Offset)
			}
		}
	}
}
