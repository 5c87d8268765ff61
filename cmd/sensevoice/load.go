package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"sensevoice/internal/load"
)

type loadCommand struct {
	Files    []string      `arg:"" optional:"" name:"file" help:"Recordings to send in turn, such as testdata/*.wav."`
	URL      string        `short:"u" default:"http://127.0.0.1:50000" env:"SENSEVOICE_URL" help:"Server."`
	Protocol string        `short:"p" default:"http" enum:"http,openai,ws,funasr" help:"http (/api/v1/asr), openai (/v1/audio/transcriptions), ws (/ws/asr) or funasr (its WebSocket, 2pass)."`
	Clients  int           `short:"c" default:"4" help:"Clients, each of which waits for its answer before it asks again."`
	Rate     float64       `short:"r" default:"0" help:"In place of clients: requests or streams begun in a second, at random times, without waiting."`
	Duration time.Duration `short:"d" default:"30s" help:"How long new requests begin."`
	Requests int           `short:"n" default:"0" help:"Requests at most; 0 for no limit."`
	Ramp     time.Duration `default:"0s" help:"Time over which the clients begin."`
	Timeout  time.Duration `default:"1m" help:"Longest time for an answer."`
	Pace     float64       `default:"1" help:"Speed of streams, in times of real time; 0 for as fast as possible."`
	Silence  time.Duration `default:"1200ms" help:"Silence after each recording of a stream."`
	Wait     time.Duration `default:"0s" help:"Pause after which the server ends a segment (its max_end_silence_time), where it is not the protocol's own: 350ms with ws, 800ms with funasr."`
	Idle     bool          `help:"Open WebSockets and say nothing."`
	Expect   string        `placeholder:"FILE" help:"List of the recordings' texts, such as testdata/clips.json. Without it they are asked for first, by one client alone."`
	Language string        `short:"l" help:"Language to ask for."`
	Key      string        `env:"SENSEVOICE_API_KEY" help:"API key."`
	Insecure bool          `help:"Accept any certificate."`
	Allow    []string      `placeholder:"KIND" help:"Errors that are expected, such as 429."`
	JSON     bool          `name:"json" help:"Print one JSON object."`
}

// Run puts load on a server and prints what was measured. It fails when an answer was wrong, or an error was not expected.
func (c *loadCommand) Run(ctx context.Context, p *program) error {
	s, err := c.scenario(ctx)
	if err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return usageError{err}
	}
	var progress func(*load.Report)
	line := terminal(p.err)
	if line {
		progress = func(r *load.Report) { fmt.Fprintf(p.err, "\r\x1b[K%s", summary(r)) }
	}
	report, err := load.Run(ctx, s, progress)
	if line {
		fmt.Fprint(p.err, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(p.out).Encode(report)
	} else {
		err = report.WriteText(p.out)
	}
	if err == nil && report.Failed() {
		return silentError{exitFailed}
	}
	return err
}

func summary(r *load.Report) string {
	wrong := r.MixUps + r.Wrong
	for _, n := range r.Errors {
		wrong += n
	}
	last := r.Latency
	if r.Speech != nil {
		last = *r.Speech
	}
	return fmt.Sprintf("%d ok, %d wrong, %.1f a second, p50 %.0f ms, p99 %.0f ms", r.OK, wrong, r.Rate, last.P50, last.P99)
}

// scenario reads the recordings and puts all together.
func (c *loadCommand) scenario(ctx context.Context) (load.Scenario, error) {
	s := load.DefaultScenario()
	s.URL, s.Protocol, s.Clients, s.Rate, s.Duration, s.Requests = c.URL, c.Protocol, c.Clients, c.Rate, c.Duration, c.Requests
	s.Ramp, s.Timeout, s.Pace, s.Silence, s.Wait, s.Idle = c.Ramp, c.Timeout, c.Pace, c.Silence, c.Wait, c.Idle
	s.Language, s.Key, s.Insecure, s.Allow = c.Language, c.Key, c.Insecure, c.Allow
	if strings.HasPrefix(s.URL, "ws") { // as the addresses of WebSockets are written
		s.URL = "http" + strings.TrimPrefix(s.URL, "ws")
	}
	for _, file := range c.Files {
		clip, err := load.ReadClip(ctx, file)
		if err != nil {
			return s, err
		}
		s.Clips = append(s.Clips, clip)
	}
	if c.Expect == "" {
		return s, nil
	}
	list, err := os.ReadFile(c.Expect)
	if err != nil {
		return s, err
	}
	return s, load.Expect(s.Clips, list)
}
