package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/lmittmann/tint"

	"sensevoice/internal/access"
	"sensevoice/internal/api"
	"sensevoice/internal/api/asr"
	"sensevoice/internal/api/funasr"
	"sensevoice/internal/api/funasrws"
	"sensevoice/internal/api/gpus"
	"sensevoice/internal/api/openai"
	"sensevoice/internal/api/pages"
	"sensevoice/internal/api/socket"
	"sensevoice/internal/api/speech"
	"sensevoice/internal/api/status"
	"sensevoice/internal/api/wsasr"
	"sensevoice/internal/config"
	"sensevoice/internal/gpu"
	"sensevoice/internal/limit"
	"sensevoice/internal/metrics"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/server"
	"sensevoice/internal/spool"
	"sensevoice/internal/tracing"
)

type serveCommand struct {
	settings
}

// Run serves until it is told to end, and then drains.
func (c *serveCommand) Run(ctx context.Context, p *program) (err error) {
	level := &slog.LevelVar{}
	level.Set(slog.Level(c.LogLevel))
	log := p.serverLog(level, c.LogFormat)
	notes, err := c.notes()
	for _, note := range notes {
		log.Warn("setting", "note", note)
	}
	if err != nil {
		return usageError{err}
	}
	e, err := p.openEngines(ctx, &c.Config, c.sources, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close(c.DrainTimeout)) }()
	s, err := c.assemble(e, log)
	if err != nil {
		return err
	}
	s.level = level
	closeTracer, err := s.trace(ctx, c.OTLP)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeTracer()) }()
	if probe := s.status.Probe(ctx); probe.Err != nil {
		return fmt.Errorf("the model does not work: %w", probe.Err)
	}
	listening, err := s.listen(&c.Config, log)
	if err != nil {
		return err
	}
	background, stop := context.WithCancel(ctx)
	defer stop()
	notifier := server.NewNotifier(p.getenv, os.Getpid())
	go notifier.Watch(background, func(ctx context.Context) bool { return s.status.Probe(ctx).Err == nil })
	go p.reloadOnSignal(background, s, notifier, log)
	go e.freeOnSignal(background, log)
	context.AfterFunc(background, func() { _ = notifier.Send("STOPPING=1") }) // systemd sees the process end, too
	if err := notifier.Send("READY=1", fmt.Sprintf("MAINPID=%d", os.Getpid())); err != nil {
		log.Warn("notify", "error", err)
	}
	return listening.Run(ctx)
}

// service is what serve has put together.
type service struct {
	backend     *api.Backend
	status      *status.Service
	gpus        *gpus.Service
	certificate *server.Certificate // nil without TLS
	level       *slog.LevelVar
	config      config.Config
	drain       func()
	routes      []api.Route
	funasr      []api.Route
}

// assemble makes the backend and the routes of all protocols.
func (c *serveCommand) assemble(e *engines, log *slog.Logger) (*service, error) {
	uploads, err := spool.New(c.SpoolDir, int64(c.MaxSpool))
	if err != nil {
		return nil, err
	}
	keys := &access.Keys{}
	if err := keys.Load(c.KeysFile); err != nil {
		return nil, err
	}
	draining, drain := context.WithCancel(context.Background())
	b := &api.Backend{
		ModelName: e.model.Name, Device: e.device, Version: version,
		Queue: e.queue, VAD: e.vad, ITN: c.ITN, Silence: c.EndSilence, Ready: c.ReadyTimeout,
		Keys: keys, Rates: limit.NewRates(c.Rate, c.RateBurst),
		Uploads: limit.NewBudget(e.shares.Uploads), Work: limit.NewBudget(e.shares.Work), Spool: uploads,
		Sockets: &api.Sockets{}, Metrics: e.metrics, Log: log, Draining: draining.Done(),
	}
	b.SetLimits(limitsOf(&c.Config))
	s := &service{backend: b, config: c.Config, drain: drain}
	if c.TLSCert != "" {
		if s.certificate, err = server.OpenCertificate(c.TLSCert, c.TLSKey); err != nil {
			return nil, err
		}
	}
	if s.status, err = status.New(b, e.model.Name == modelstore.EmbeddedName); err != nil {
		return nil, err
	}
	s.gpus = &gpus.Service{Device: e.device, Reason: e.reason, Pool: e.workers, Look: gpu.NewWatcher(e.gpus.Helper).Look} // the helper ends with its input
	watch(e.metrics, b, e.shares)
	s.gpus.Watch(e.metrics)
	return s, s.route(&c.Config)
}

// route collects the routes of all protocols.
func (s *service) route(c *config.Config) error {
	shown := c.APIVersion
	if shown == "" {
		shown = version
	}
	pages, err := pages.Routes(pages.Options{Title: c.Title, Description: c.Description, Version: shown})
	if err != nil {
		return err
	}
	pacer, sockets := &speech.Pacer{}, socket.DefaultOptions()
	sockets.Origins = c.CORS
	for _, routes := range [][]api.Route{
		asr.Routes(s.backend), openai.Routes(s.backend), funasr.Routes(s.backend), s.status.Routes(), s.gpus.Routes(), pages, wsasr.Routes(s.backend, sockets, pacer),
		openai.Realtime(s.backend, sockets, pacer),
	} {
		s.routes = append(s.routes, routes...)
	}
	s.funasr = funasrws.Routes(s.backend, sockets, pacer)
	return nil
}

// trace begins to send traces, if there is an endpoint for them. Close sends the last ones, if the collector takes them soon.
func (s *service) trace(ctx context.Context, endpoint string) (close func() error, err error) {
	if endpoint == "" {
		return func() error { return nil }, nil
	}
	tracer, err := tracing.Open(ctx, endpoint, version, s.backend.Log)
	if err != nil {
		return nil, usageError{err}
	}
	s.backend.Tracer = tracer
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		return tracer.Close(ctx)
	}, nil
}

// listen takes the addresses.
func (s *service) listen(c *config.Config, log *slog.Logger) (*server.Server, error) {
	o := server.Options{
		Endpoints:    []server.Endpoint{{Name: "HTTP", Address: c.Address(), Handler: server.NewHandler(s.backend, s.routes, c.CORS)}},
		Backend:      s.backend,
		MaxConns:     c.MaxConns,
		Drain:        s.drain,
		DrainTimeout: c.DrainTimeout,
		Log:          log,
	}
	if c.FunASRAddr != "" {
		o.Endpoints = append(o.Endpoints, server.Endpoint{
			Name: "FunASR WebSocket", Address: c.FunASRAddr, Handler: server.NewHandler(s.backend, s.funasr, nil),
		})
	}
	if s.certificate != nil {
		o.TLS = s.certificate.Config()
	}
	return server.Listen(o)
}

func limitsOf(c *config.Config) api.Limits {
	return api.Limits{
		MaxBody: int64(c.MaxBody), MaxLength: c.MaxLength, MaxFiles: c.MaxFiles, MaxSockets: c.MaxSockets,
		MaxWait: c.MaxWait, Timeout: c.Timeout, UploadRate: int64(c.UploadRate),
	}
}

// watch adds what only the whole server knows to the metrics.
func watch(m *metrics.Metrics, b *api.Backend, shares server.Shares) {
	start := time.Now()
	m.Watch(b.Queue.Stats)
	m.Gauge("uptime_seconds", "Time since the start.", func() float64 { return time.Since(start).Seconds() })
	m.Gauge("websockets", "WebSockets that are open.", func() float64 { return float64(b.Sockets.Open()) })
	m.Gauge("memory_limit_bytes", "Host memory that the server may take.", func() float64 { return float64(shares.Limit) })
	m.Gauge("memory_base_bytes", "Host memory that it takes without any request, as planned.", func() float64 { return float64(shares.Base) })
	m.Gauge("memory_resident_bytes", "Host memory that it takes.", func() float64 { return float64(server.Resident()) })
	m.Gauge("arena_limit_bytes", "Working memory that an engine may plan.", func() float64 { return float64(shares.Arena) })
	m.Gauge("uploads_bytes", "Memory of requests that are being received.", func() float64 { return float64(b.Uploads.Used()) })
	m.Gauge("work_bytes", "Memory of requests that are being recognised.", func() float64 { return float64(b.Work.Used()) })
	m.Gauge("spool_bytes", "Disk that uploads take.", func() float64 { return float64(b.Spool.Room().Used()) })
}

// serverLog logs to standard error: for people on a terminal, as JSON elsewhere.
func (p *program) serverLog(level slog.Leveler, format config.Format) *slog.Logger {
	switch {
	case format == "json", format == "auto" && !terminal(p.err):
		return slog.New(slog.NewJSONHandler(p.err, &slog.HandlerOptions{Level: level}))
	default:
		return slog.New(tint.NewTextHandler(p.err, &tint.Options{Level: level, NoColor: !terminal(p.err)}))
	}
}

// holdMemory makes the garbage collector work harder before the process takes more than it may.
func holdMemory(shares server.Shares) { debug.SetMemoryLimit(shares.Limit - shares.Base/2) }
