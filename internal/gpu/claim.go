package gpu

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Servers that start at the same moment see the same free memory, and must not take the same last gigabytes. So each chooses alone,
// under a lock, and claims what it will take until it has taken it. Lock and claims are names of Linux's abstract
// socket namespace: bound by one process at most, gone with it, seen by all users, and no file needs a place to be written.
// Containers with networks of their own do not see each other's; there the driver's refusal decides, and the later one falls back.
const (
	lockName    = "@sensevoice-gpu/choose"
	claimPrefix = "@sensevoice-gpu/claim/"
	lockPoll    = 10 * time.Millisecond
)

// lockWait is longer than choosing takes; after it somebody hangs, and a race is the smaller evil. A test on a busy machine waits longer.
var lockWait = time.Second

// Claim is memory that will be taken and does not show yet.
type Claim struct{ names []net.PacketConn }

// Release ends the claim: the memory has been taken, or will not be.
func (c *Claim) Release() {
	if c == nil {
		return
	}
	for _, n := range c.names {
		n.Close()
	}
	c.names = nil
}

func bind(name string) (net.PacketConn, error) {
	return net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
}

// add claims bytes of a device.
func (c *Claim) add(uuid string, bytes uint64) error {
	n, err := bind(fmt.Sprintf("%s%s/%d/%d", claimPrefix, uuid, bytes, os.Getpid()))
	if err == nil {
		c.names = append(c.names, n)
	}
	return err
}

// lockChoice waits until nobody else chooses. After lockWait it goes on without.
func lockChoice(ctx context.Context) (unlock func(), err error) {
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for give := time.After(lockWait); ; {
		if lock, err := bind(lockName); err == nil {
			return func() { lock.Close() }, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-give:
			return func() {}, nil
		case <-ticker.C:
		}
	}
}

// Claims returns the bytes that processes have claimed of each device, by UUID.
func Claims() map[string]uint64 {
	f, err := os.Open("/proc/net/unix")
	if err != nil {
		return nil
	}
	defer f.Close()
	sums := map[string]uint64{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		_, claim, found := strings.Cut(lines.Text(), claimPrefix)
		parts := strings.Split(claim, "/")
		if !found || len(parts) != 3 {
			continue
		}
		if bytes, err := strconv.ParseUint(parts[1], 10, 50); err == nil {
			sums[parts[0]] += bytes
		}
	}
	return sums
}
