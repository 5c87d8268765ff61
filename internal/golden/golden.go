// Package golden finds and reads the numbers that tests compare against: values computed by the
// PyTorch reference, kept in .npy files.
//
// What may be redistributed lies in the repository (testdata/golden); the rest, made from clips and
// weights of others, lies in a reference folder outside of it. A test that needs the latter skips
// with a message where it is absent, and fails where SENSEVOICE_REQUIRE=reference promises it.
// Only tests import this package.
package golden

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Root returns the repository's root folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Path returns the path of a file in the repository's own testdata/golden folder.
func Path(parts ...string) string {
	return filepath.Join(append([]string{Root(), "testdata", "golden"}, parts...)...)
}

// Reference returns the path of a file in the reference folder: SENSEVOICE_REFERENCE, or
// shared/reference beside the repository. Without it the test skips, or fails if it was promised.
func Reference(t testing.TB, parts ...string) string {
	t.Helper()
	dir := os.Getenv("SENSEVOICE_REFERENCE")
	if dir == "" {
		dir = filepath.Join(Root(), "..", "shared", "reference")
	}
	path := filepath.Join(append([]string{dir}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		Missing(t, "reference", fmt.Sprintf("no %s; set SENSEVOICE_REFERENCE to the folder that holds it", path))
	}
	return path
}

// Missing skips the test because something is not on this machine, or fails it if the comma-separated
// list SENSEVOICE_REQUIRE names it.
func Missing(t testing.TB, what, why string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("SENSEVOICE_REQUIRE"), ","), what) {
		t.Fatalf("%s was promised by SENSEVOICE_REQUIRE: %s", what, why)
	}
	t.Skipf("SKIPPED, needs %s: %s", what, why)
}

var npyHeader = regexp.MustCompile(`'descr': '<f4', 'fortran_order': False, 'shape': \(([0-9, ]*)\)`)

// NPY reads a little-endian float32 array in C order.
func NPY(t testing.TB, path string) (values []float32, shape []int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) < 10 || !bytes.HasPrefix(data, []byte("\x93NUMPY\x01")) {
		t.Fatalf("%s: not a version 1 .npy file", path)
	}
	body := 10 + int(binary.LittleEndian.Uint16(data[8:]))
	match := npyHeader.FindSubmatch(data[10:body])
	if match == nil {
		t.Fatalf("%s: not a float32 array in C order: %s", path, data[10:body])
	}
	count := 1
	for field := range strings.SplitSeq(string(match[1]), ",") {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		size, err := strconv.Atoi(field)
		if err != nil {
			t.Fatalf("%s: shape: %v", path, err)
		}
		shape = append(shape, size)
		count *= size
	}
	if len(data)-body != 4*count {
		t.Fatalf("%s: %d bytes of data for shape %v", path, len(data)-body, shape)
	}
	values = make([]float32, count)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[body+4*i:]))
	}
	return values, shape
}

// Compare returns the largest and the mean absolute difference. A NaN in got makes both NaN, so that
// a comparison written !(difference <= tolerance) fails on it.
func Compare(t testing.TB, got, want []float32) (worst, mean float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i := range got {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if d > worst || math.IsNaN(d) {
			worst = d
		}
		mean += d
	}
	return worst, mean / float64(max(len(got), 1))
}
