package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sensevoice/internal/audio/wav"
	"sensevoice/internal/golden"
	"sensevoice/internal/sensevoice"
	"sensevoice/internal/weights"
)

// asProgram is the variable that makes the test's binary the program, for processes that the program starts of itself.
const asProgram = "TEST_SENSEVOICE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"sensevoice": main})
}

// TestScripts runs the command as users do. Each script in testdata/script is one subject.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("TESTDATA", filepath.Join(golden.Root(), "testdata"))
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"sound":  makeSound,
			"model":  makeModel,
			"stereo": makeStereo,
			"raw":    makeRaw,
		},
	})
}

// makeSound writes a 16 kHz file with one fault or none: sound KIND FILE.
func makeSound(ts *testscript.TestScript, _ bool, args []string) {
	tone := make([]float32, 8000)
	for i := range tone {
		tone[i] = float32(0.3 * math.Sin(float64(i)/5))
	}
	var good bytes.Buffer
	ts.Check(wav.Write(&good, 16000, tone))
	data := good.Bytes()
	put16 := func(at int, v uint16) { binary.LittleEndian.PutUint16(data[at:], v) }
	put32 := func(at int, v uint32) { binary.LittleEndian.PutUint32(data[at:], v) }
	switch args[0] {
	case "good":
	case "empty":
		data = nil
	case "truncated":
		data = data[:20]
	case "zero-rate":
		put32(24, 0)
	case "absurd-rate":
		put32(24, 4_000_000_000)
	case "8khz":
		put32(24, 8000)
		put32(28, 16000)
	case "no-samples":
		put32(40, 0)
		data = data[:44]
	case "10ms":
		put32(40, 320)
		data = data[:44+320]
	case "1000-channels":
		put16(22, 1000)
		put16(32, 2000)
	case "nan":
		put16(20, 3) // IEEE float
		put16(34, 32)
		put16(32, 4)
		put32(28, 64000)
		clear(data[44:])
		put32(44+400, 0x7FC00000)
	default:
		ts.Fatalf("no sound %q", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o666))
}

// makeModel writes the micro model as safetensors with one fault: model KIND FILE.
func makeModel(ts *testscript.TestScript, _ bool, args []string) {
	f, err := sensevoice.Synthetic("synthetic:micro")
	ts.Check(err)
	var tensors []weights.Tensor
	for _, name := range f.Names() {
		tensor, _ := f.Tensor(name)
		t := *tensor
		switch {
		case args[0] == "missing-tensor" && name == "encoder.tp_encoders.1.norm2.bias":
			continue
		case args[0] == "misshapen-tensor" && name == "encoder.encoders.0.feed_forward.w_1.bias":
			t.Shape, t.Data = []int{127}, t.Data[:127*4]
		}
		tensors = append(tensors, t)
	}
	ones := make([]byte, 560*4)
	for i := range 560 {
		binary.LittleEndian.PutUint32(ones[4*i:], math.Float32bits(1))
	}
	tensors = append(tensors,
		weights.Tensor{Name: "cmvn.shift", Type: weights.F32, Shape: []int{560}, Data: make([]byte, 560*4)},
		weights.Tensor{Name: "cmvn.scale", Type: weights.F32, Shape: []int{560}, Data: ones})
	var out bytes.Buffer
	ts.Check(weights.WriteSafetensors(&out, tensors, nil))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out.Bytes(), 0o666))
}

// read16 returns the samples of one of the repository's recordings.
func read16(ts *testscript.TestScript, path string) []byte {
	data, err := os.ReadFile(ts.MkAbs(path))
	ts.Check(err)
	const header = 44
	if len(data) < header || string(data[36:40]) != "data" {
		ts.Fatalf("%s is no plain WAV file", path)
	}
	return data[header:]
}

// makeRaw writes a recording's samples without a header: raw WAV FILE.
func makeRaw(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), read16(ts, args[0]), 0o666))
}

// makeStereo puts two recordings side by side, the shorter one filled up with silence: stereo LEFT RIGHT FILE.
func makeStereo(ts *testscript.TestScript, _ bool, args []string) {
	left, right := read16(ts, args[0]), read16(ts, args[1])
	for len(left) < len(right) {
		left = append(left, 0, 0)
	}
	for len(right) < len(left) {
		right = append(right, 0, 0)
	}
	var mono bytes.Buffer
	ts.Check(wav.Write(&mono, 16000, make([]float32, len(left))))
	data := mono.Bytes()[:44]
	binary.LittleEndian.PutUint16(data[22:], 2)
	binary.LittleEndian.PutUint16(data[32:], 4)
	binary.LittleEndian.PutUint32(data[28:], 64000)
	for at := 0; at < len(left); at += 2 {
		data = append(data, left[at], left[at+1], right[at], right[at+1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data, 0o666))
}
