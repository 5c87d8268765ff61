//go:build linux && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sensevoice/internal/cuda/driver"
	"sensevoice/internal/cuda/mem"
	"sensevoice/internal/cuda/stub"
)

// TestSticky breaks the context at each call in turn, in a process of its own: the error is known to be fatal, and once the process has
// ended, all its memory is free.
func TestSticky(t *testing.T) {
	if machine == nil {
		t.Skip(stub.ErrNoCompiler)
	}
	for _, function := range []string{"cuMemGetInfo_v2", "cuMemCreate", "cuMemSetAccess", "cuMemUnmap", "cuStreamSynchronize"} {
		if err := machine.Reset(stub.GPU{Total: 24 * gib}); err != nil {
			t.Fatal(err)
		}
		machine.Add(stub.Rule{Function: function, From: 2, Count: 1, Action: stub.Sticky, Value: 700})
		cmd := exec.Command(os.Args[0], "sticky", machine.Libraries.CUDA)
		cmd.Env = append(os.Environ(), machine.Env()...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 70 || !strings.Contains(string(out), "illegal address (CUDA 700)") {
			t.Errorf("%s: %v: %s", function, err, out)
		}
		d, err := driverOnly()
		if err != nil {
			t.Fatal(err)
		}
		if free, _, err := d.Info(); err != nil || free != 24*gib-400*mib {
			t.Errorf("%s: %d bytes are free afterwards, %v", function, free, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func driverOnly() (*Device, error) {
	l, err := driver.Open(driver.Search(os.Getenv("SENSEVOICE_LIBCUDA")))
	if err != nil {
		return nil, err
	}
	if err := l.Init(); err != nil {
		return nil, err
	}
	return Open(l, 0, 0, Options{})
}

// sticky is the process whose context breaks. It ends with status 70 and no further call.
func sticky(string) int {
	d, err := driverOnly()
	if err == nil {
		var a *mem.Arena
		if a, err = mem.Open(d, limits(), time.Now()); err == nil {
			_, err = a.Admit(100*mib, time.Now())
			err = errors.Join(err, a.Done(time.Now()), a.GiveBack(mem.Trim), a.Close())
		}
	}
	fmt.Println(err)
	if Fatal(err) {
		return 70
	}
	return 0
}
