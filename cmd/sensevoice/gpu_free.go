package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

type gpuFreeCommand struct {
	Server string `default:"http://127.0.0.1:50000" env:"SENSEVOICE_SERVER" help:"Address of the server."`
	APIKey string `name:"api-key" env:"SENSEVOICE_API_KEY" placeholder:"KEY" help:"Key, where the server wants one."`
	All    bool   `help:"Weights too: the next batch has to load them again."`
}

// Run asks a running server to give GPU memory back.
func (c *gpuFreeCommand) Run(ctx context.Context, p *program) error {
	level := "trim"
	if c.All {
		level = "all"
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	body, err := json.Marshal(map[string]string{"level": level})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.Server, "/")+"/api/v1/gpu/free", bytes.NewReader(body))
	if err != nil {
		return usageError{fmt.Errorf("--server=%s: %w", c.Server, err)}
	}
	request.Header.Set("Content-Type", "application/json")
	if c.APIKey != "" {
		request.Header.Set("Authorization", "Bearer "+c.APIKey)
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no answer from the server: %w; is it running? Its address goes into --server", err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(io.LimitReader(reply.Body, 64<<10))
	if err != nil {
		return err
	}
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("the server refuses (%s): %s", reply.Status, bytes.TrimSpace(text))
	}
	var freed struct{ Workers int }
	if err := json.Unmarshal(text, &freed); err != nil {
		return fmt.Errorf("the answer of %s is no answer of this server: %w", c.Server, err)
	}
	if freed.Workers == 0 {
		fmt.Fprintln(p.out, "the server holds no GPU memory")
		return nil
	}
	fmt.Fprintf(p.out, "%d workers were asked; they give memory back between two batches\n", freed.Workers)
	return nil
}
