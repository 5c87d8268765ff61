package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"strings"

	"sensevoice/internal/config"
	"sensevoice/internal/server"
)

// onSignal acts at each of the signals until the context ends. Where there are none of them, it does nothing.
func onSignal(ctx context.Context, signals []os.Signal, act func()) {
	if len(signals) == 0 {
		return
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, signals...)
	defer signal.Stop(told)
	for {
		select {
		case <-ctx.Done():
			return
		case <-told:
			act()
		}
	}
}

// reloadOnSignal reads keys, limits and the certificate anew whenever the process is told to (SIGHUP).
func (p *program) reloadOnSignal(ctx context.Context, s *service, n server.Notifier, log *slog.Logger) {
	onSignal(ctx, reloadSignals, func() {
		_ = n.Reloading() // systemd has a timeout for that
		if err := s.reload(p); err != nil {
			log.Error("reload", "error", err)
		} else {
			log.Info("reloaded", "keys", s.backend.Keys.Required())
		}
		_ = n.Send("READY=1")
	})
}

// reload applies the settings as they are now. What is wrong leaves everything as it was.
func (s *service) reload(p *program) error {
	now, err := p.parseServe()
	if err != nil {
		return err
	}
	if err := s.backend.Keys.Load(now.KeysFile); err != nil {
		return err
	}
	if s.certificate != nil {
		if err := s.certificate.Reload(); err != nil {
			return err
		}
	}
	s.backend.Rates.Set(now.Rate, now.RateBurst)
	s.backend.SetLimits(limitsOf(now))
	s.level.Set(slog.Level(now.LogLevel))
	if fixed := fixedChanges(&s.config, now); len(fixed) > 0 {
		s.backend.Log.Warn("reload", "note", "these take effect at the next start: "+strings.Join(fixed, ", "))
	}
	return nil
}

// parseServe reads the command line and all other sources anew.
func (p *program) parseServe() (c *config.Config, err error) {
	var all commands
	parser, err := p.parser(&all, context.Background())
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			err = errors.Join(err, fmt.Errorf("%v", r)) // kong's wish to exit
		}
	}()
	if _, err := parser.Parse(p.args); err != nil {
		return nil, err
	}
	return &all.Serve.Config, nil
}

// fixedChanges lists the settings that have changed and cannot while the server runs.
func fixedChanges(before, now *config.Config) []string {
	var changed []string
	a, b := reflect.ValueOf(*before), reflect.ValueOf(*now)
	for field := range a.Type().Fields() {
		_, reloadable := field.Tag.Lookup("reload")
		if !reloadable && !reflect.DeepEqual(a.FieldByIndex(field.Index).Interface(), b.FieldByIndex(field.Index).Interface()) {
			changed = append(changed, field.Name)
		}
	}
	return changed
}
