// Package server listens, serves routes, and ends in order: not ready at once, running work finishes, WebSockets are told to flush
// and close, and what is left after a while is cut off.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"sensevoice/internal/api"
	"sensevoice/internal/limit"
)

// Endpoint is an address with what is served there.
type Endpoint struct {
	Name    string // in the log
	Address string // "host:port"; port 0 takes a free one
	Handler http.Handler
}

// Options are what a server needs.
type Options struct {
	Endpoints    []Endpoint
	Backend      *api.Backend
	TLS          *tls.Config // nil: none
	MaxConns     int         // network connections on all endpoints
	Drain        func()      // closes Backend.Draining
	DrainTimeout time.Duration
	Log          *slog.Logger
}

const (
	headerTimeout = 10 * time.Second  // for a request's header to come
	idleTimeout   = 120 * time.Second // of a connection between requests
	maxHeader     = 64 << 10          // bytes
)

// Server is one that listens. Run serves.
type Server struct {
	o         Options
	listeners []net.Listener
	servers   []*http.Server
	base      context.Context // of all requests
	cut       context.CancelFunc
}

// Listen takes all addresses, or none.
func Listen(o Options) (*Server, error) {
	s := &Server{o: o}
	s.base, s.cut = context.WithCancel(context.Background())
	for _, e := range o.Endpoints {
		inner, err := net.Listen("tcp", e.Address)
		if err != nil {
			s.closeListeners()
			return nil, fmt.Errorf("%s: %w", e.Name, err)
		}
		var l net.Listener = &limit.Listener{
			Listener: inner, Max: o.MaxConns, Plain: o.TLS == nil, Rejected: func() { o.Backend.Metrics.Reject("connections") },
		}
		if o.TLS != nil {
			l = tls.NewListener(l, o.TLS)
		}
		s.listeners = append(s.listeners, l)
		s.servers = append(s.servers, &http.Server{
			Handler: e.Handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
			ErrorLog:    slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug), // what clients do wrong before there is a request
			BaseContext: func(net.Listener) context.Context { return s.base },
		})
	}
	return s, nil
}

func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		_ = l.Close() // nothing was served
	}
	s.cut()
}

// Addresses returns where each endpoint listens, in their order.
func (s *Server) Addresses() []net.Addr {
	var addresses []net.Addr
	for _, l := range s.listeners {
		addresses = append(addresses, l.Addr())
	}
	return addresses
}

// Run serves until the context ends, then drains, and returns nil if all work finished in time.
func (s *Server) Run(ctx context.Context) error {
	defer s.cut()
	scheme := "http"
	if s.o.TLS != nil {
		scheme = "https"
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var serving errgroup.Group
	for i, server := range s.servers {
		s.o.Log.Info("listening", "what", s.o.Endpoints[i].Name, "address", scheme+"://"+s.listeners[i].Addr().String())
		serving.Go(func() error {
			defer stop() // one that fails ends all
			if err := server.Serve(s.listeners[i]); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("%s: %w", s.o.Endpoints[i].Name, err)
			}
			return nil
		})
	}
	<-ctx.Done()
	return errors.Join(s.drain(), serving.Wait())
}

// drain ends what runs, in order.
func (s *Server) drain() error {
	start := time.Now()
	s.o.Log.Info("draining", "sockets", s.o.Backend.Sockets.Open(), "timeout", s.o.DrainTimeout.String())
	s.o.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), s.o.DrainTimeout)
	defer cancel()
	var ending errgroup.Group
	for _, server := range s.servers {
		ending.Go(func() error { return server.Shutdown(ctx) })
	}
	ending.Go(func() error { return s.o.Backend.Sockets.Wait(ctx) })
	err := ending.Wait()
	if err == nil {
		s.o.Log.Info("drained", "ms", time.Since(start).Milliseconds())
		return nil
	}
	s.cut()
	for _, server := range s.servers {
		_ = server.Close() // the error is that of draining
	}
	return fmt.Errorf("not everything finished within %v and was cut off: %w", s.o.DrainTimeout, err)
}
