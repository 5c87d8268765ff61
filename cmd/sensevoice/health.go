package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

type healthCommand struct {
	Server  string        `placeholder:"URL" help:"Address of the server; this machine's, at SENSEVOICE_PORT, by default."`
	Timeout time.Duration `default:"5s" help:"Time to wait for the answer."`
}

// Run asks a server whether it is healthy, and ends with 1 if it is not: for containers that have no other program to ask with.
func (c *healthCommand) Run(ctx context.Context, p *program) error {
	if c.Server == "" {
		port := p.getenv("SENSEVOICE_PORT")
		if port == "" {
			port = "50000"
		}
		c.Server = "http://" + net.JoinHostPort("127.0.0.1", port)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Server+"/health", http.NoBody)
	if err != nil {
		return usageError{fmt.Errorf("--server=%s: %w", c.Server, err)}
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no answer from the server: %w", err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(io.LimitReader(reply.Body, 64<<10))
	if err != nil {
		return err
	}
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("unhealthy (%s): %s", reply.Status, bytes.TrimSpace(text))
	}
	_, err = fmt.Fprintf(p.out, "%s\n", bytes.TrimSpace(text))
	return err
}
