package server

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Shares divides host memory, in bytes, so that all requests together never ask for more than there is.
type Shares struct {
	Limit   int64 // that the process may take
	Base    int64 // what it takes without any request
	Queue   int64 // sound and features of segments that wait or run
	Arena   int64 // working memory of the engine
	Uploads int64 // requests that are being received
	Work    int64 // requests that are being decoded and recognised
}

// least is what has to be left beside the base for a server to be of use.
const least = 192 << 20

// Divide divides what limit leaves over base. Limit 0 is four fifths of what the machine or the container has.
func Divide(limit, base int64, machine func() (int64, error)) (Shares, error) {
	if limit <= 0 {
		all, err := machine()
		if err != nil {
			return Shares{}, fmt.Errorf("how much memory there is: %w; set --max-memory (SENSEVOICE_MAX_MEMORY)", err)
		}
		limit = all / 5 * 4
	}
	rest := limit - base
	if rest < least {
		return Shares{}, fmt.Errorf("--max-memory (SENSEVOICE_MAX_MEMORY): of %d MiB the model and the program take %d, and at least %d more are needed for requests",
			limit>>20, base>>20, least>>20)
	}
	// A tenth is for what is not counted: connections, replies, and the garbage collector's slack.
	return Shares{Limit: limit, Base: base, Queue: rest / 100 * 25, Arena: rest / 100 * 25, Uploads: rest / 100 * 12, Work: rest / 100 * 28}, nil
}

// field reads a line "Name:   123 kB" of a file in /proc, in bytes.
func field(data []byte, name string) (int64, error) {
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) >= 2 && words[0] == name {
			n, err := strconv.ParseInt(words[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no %s", name)
}

// Resident returns how much memory the process takes, in bytes, or 0 where the system does not tell.
func Resident() int64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	n, err := field(data, "VmRSS:")
	if err != nil {
		return 0
	}
	return n
}
