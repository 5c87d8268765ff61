// Package config holds the settings of the server: what there is to set, where values may come from, and what is wrong
// with them. A value on the command line beats one in the environment, that one in .env, that one in the YAML file, and
// the default comes last.
package config

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"
)

// DefaultGPUFraction is the default of the part of a GPU's memory that is never exceeded. Under WSL 2 it stands for less.
const DefaultGPUFraction = 0.95

// Config is every setting. The name of a field's flag, with underscores, is its key in the YAML file; the tag setting
// lists its environment variables, the preferred first. Settings tagged reload take effect at SIGHUP, the others at start.
type Config struct {
	Host       string   `default:"0.0.0.0" setting:"SENSEVOICE_HOST" group:"Addresses" help:"Address to listen on."`
	Port       int      `default:"50000" setting:"SENSEVOICE_PORT" group:"Addresses" help:"Port to listen on; 0 takes a free one."`
	FunASRAddr string   `name:"funasr-addr" setting:"SENSEVOICE_FUNASR_ADDR" group:"Addresses" placeholder:"HOST:PORT" help:"Address for FunASR's WebSocket protocol, such as :10095; none if empty."`
	TLSCert    string   `name:"tls-cert" setting:"SENSEVOICE_TLS_CERT" group:"Addresses" placeholder:"FILE" help:"Certificate chain (PEM); with --tls-key, both addresses speak TLS."`
	TLSKey     string   `name:"tls-key" setting:"SENSEVOICE_TLS_KEY" group:"Addresses" placeholder:"FILE" help:"Private key (PEM) of the certificate."`
	CORS       []string `name:"cors-origins" setting:"SENSEVOICE_CORS_ORIGINS" group:"Addresses" placeholder:"ORIGIN,..." help:"Web origins whose pages may call the server, such as https://app.example.com; * is any. None by default."`

	Model       string        `setting:"SENSEVOICE_MODEL" short:"m" group:"Recognition" placeholder:"NAME|PATH" help:"Model: a name (see model list), or the path of a model file or folder."`
	Device      string        `default:"auto" setting:"SENSEVOICE_DEVICE" group:"Recognition" help:"Where to compute: auto, cpu, cuda, cuda:N, cuda:N,cuda:M or cuda:all."`
	Threads     int           `default:"0" setting:"SENSEVOICE_THREADS" group:"Recognition" help:"CPU threads; 0 for all that this process may use."`
	Isolate     bool          `setting:"SENSEVOICE_ISOLATE" group:"Recognition" help:"Compute in a process of its own, which is started anew if it dies (Linux)."`
	ITN         bool          `name:"use-itn" negatable:"" setting:"SENSEVOICE_USE_ITN" group:"Recognition" help:"Write figures and punctuation where a request does not say."`
	EndSilence  time.Duration `name:"live-end-silence" default:"350ms" setting:"SENSEVOICE_LIVE_END_SILENCE" group:"Recognition" help:"Pause that ends a segment on /ws/asr where a client does not say (max_end_silence_time)."`
	GPUFraction float64       `name:"gpu-memory-fraction" default:"0.95" setting:"SENSEVOICE_GPU_MEMORY_FRACTION" group:"Recognition" help:"Part of a GPU's memory that this process never exceeds, above 0 to 1; under WSL 2 the default is 0.7."`
	GPUHeadroom Bytes         `name:"gpu-headroom" default:"auto" setting:"SENSEVOICE_GPU_HEADROOM" group:"Recognition" help:"GPU memory left free for others; auto is the larger of 512MiB and 3 %."`
	BatchSize   int           `name:"batch-size" default:"0" setting:"SENSEVOICE_BATCH_SIZE" group:"Recognition" help:"Segments that run together at most; 0 for as many as memory and length allow."`
	FP16        bool          `name:"use-fp16" default:"true" negatable:"" setting:"SENSEVOICE_USE_FP16" group:"Recognition" help:"Half-precision operands on a GPU."`

	KeysFile   string        `name:"api-keys-file" setting:"SENSEVOICE_API_KEYS_FILE" reload:"" group:"Limits" placeholder:"FILE" help:"File of API keys, one \"name:key\" a line. Without it anyone may call."`
	Rate       float64       `default:"0" setting:"SENSEVOICE_RATE" reload:"" group:"Limits" help:"Requests a second for each key, or each address where there are no keys; 0 for no limit."`
	RateBurst  int           `name:"rate-burst" default:"20" setting:"SENSEVOICE_RATE_BURST" reload:"" group:"Limits" help:"Requests that may come at once before the rate counts."`
	MaxBody    Bytes         `name:"max-body" default:"2GiB" setting:"SENSEVOICE_MAX_BODY" reload:"" group:"Limits" help:"Largest request body."`
	MaxLength  time.Duration `name:"max-duration" default:"6h" setting:"SENSEVOICE_MAX_DURATION" reload:"" group:"Limits" help:"Longest recording."`
	MaxFiles   int           `name:"max-files" default:"64" setting:"SENSEVOICE_MAX_FILES" reload:"" group:"Limits" help:"Files in one request at most."`
	MaxSockets int           `name:"max-connections" default:"1000" setting:"SENSEVOICE_MAX_CONNECTIONS" reload:"" group:"Limits" help:"WebSocket connections at most."`
	MaxConns   int           `name:"max-tcp-connections" default:"4096" setting:"SENSEVOICE_MAX_TCP_CONNECTIONS" group:"Limits" help:"Network connections of all kinds at most."`
	MaxMemory  Bytes         `name:"max-memory" default:"auto" setting:"SENSEVOICE_MAX_MEMORY" group:"Limits" help:"Host memory that the server may take; auto is 80 % of the container's or the machine's."`
	MaxQueue   time.Duration `name:"max-queue" default:"20m" setting:"SENSEVOICE_MAX_QUEUE" group:"Limits" help:"Sound that may wait for recognition; beyond it requests are answered 429."`
	MaxWait    time.Duration `name:"max-wait" default:"10s" setting:"SENSEVOICE_MAX_WAIT" group:"Limits" help:"Longest time that a new request may have to expect to wait, by the measured speed; beyond it, it is answered 429."`
	SpoolDir   string        `name:"spool-dir" setting:"SENSEVOICE_SPOOL_DIR" group:"Limits" placeholder:"DIR" help:"Folder for uploads too large for memory; the system's temporary folder by default."`
	MaxSpool   Bytes         `name:"max-spool" default:"16GiB" setting:"SENSEVOICE_MAX_SPOOL" group:"Limits" help:"Room for uploads in that folder, all together."`
	UploadRate Bytes         `name:"min-upload-rate" default:"1KiB" setting:"SENSEVOICE_MIN_UPLOAD_RATE" group:"Limits" help:"Slowest upload, a second, after its first 30 s; slower clients are answered 408."`
	Timeout    time.Duration `name:"request-timeout" default:"1h" setting:"SENSEVOICE_REQUEST_TIMEOUT" group:"Limits" help:"Longest time for the recognition of one request."`

	ReadyTimeout time.Duration `name:"ready-timeout" default:"5s" setting:"SENSEVOICE_READY_TIMEOUT" group:"Life" help:"Time for the recognition that /readyz makes."`
	DrainTimeout time.Duration `name:"drain-timeout" default:"30s" setting:"SENSEVOICE_DRAIN_TIMEOUT" group:"Life" help:"Time for running requests to finish after SIGTERM."`
	LogLevel     Level         `name:"log-level" default:"info" setting:"SENSEVOICE_LOG_LEVEL" reload:"" group:"Life" help:"What to log: debug, info, warning or error."`
	LogFormat    Format        `name:"log-format" default:"auto" setting:"SENSEVOICE_LOG_FORMAT" group:"Life" help:"How to log: json, text, or auto for text on a terminal."`
	OTLP         string        `name:"otlp-endpoint" setting:"SENSEVOICE_OTLP_ENDPOINT,OTEL_EXPORTER_OTLP_ENDPOINT" group:"Life" placeholder:"URL" help:"Collector of OpenTelemetry traces (OTLP over HTTP), such as http://127.0.0.1:4318; none by default."`
	Title        string        `name:"api-title" default:"SenseVoice" setting:"SENSEVOICE_API_TITLE" group:"Life" help:"Title in the API description."`
	Description  string        `name:"api-description" setting:"SENSEVOICE_API_DESCRIPTION" group:"Life" help:"Text in the API description."`
	APIVersion   string        `name:"api-version" setting:"SENSEVOICE_API_VERSION" group:"Life" help:"Version in the API description; the program's by default."`
}

// Validate says which setting is impossible. The message names its flag and its variable.
func (c *Config) Validate() error {
	for _, s := range []struct {
		flag, variable string
		wrong          bool
		want           string
	}{
		{"port", "SENSEVOICE_PORT", c.Port < 0 || c.Port > 65535, "must be 0 to 65535"},
		{"threads", "SENSEVOICE_THREADS", c.Threads < 0, "must be 0 or more"},
		{"batch-size", "SENSEVOICE_BATCH_SIZE", c.BatchSize < 0, "must be 0 or more"},
		{"live-end-silence", "SENSEVOICE_LIVE_END_SILENCE", c.EndSilence < 10*time.Millisecond || c.EndSilence > time.Minute, "must be from 10ms to 1m, such as 350ms"},
		{"gpu-memory-fraction", "SENSEVOICE_GPU_MEMORY_FRACTION", !(c.GPUFraction > 0 && c.GPUFraction <= 1), "must be above 0 and at most 1"},
		{"rate", "SENSEVOICE_RATE", !(c.Rate >= 0 && c.Rate < math.Inf(1)), "must be 0 or more"},
		{"rate-burst", "SENSEVOICE_RATE_BURST", c.RateBurst < 1, "must be 1 or more"},
		{"max-body", "SENSEVOICE_MAX_BODY", c.MaxBody < 1, "must be a size, such as 500MiB"},
		{"max-duration", "SENSEVOICE_MAX_DURATION", c.MaxLength <= 0 || c.MaxLength > 7*24*time.Hour, "must be above 0 and at most 168h"},
		{"max-files", "SENSEVOICE_MAX_FILES", c.MaxFiles < 1 || c.MaxFiles > 10000, "must be 1 to 10000"},
		{"max-connections", "SENSEVOICE_MAX_CONNECTIONS", c.MaxSockets < 0, "must be 0 or more"},
		{"max-tcp-connections", "SENSEVOICE_MAX_TCP_CONNECTIONS", c.MaxConns < 1, "must be 1 or more"},
		{"max-memory", "SENSEVOICE_MAX_MEMORY", c.MaxMemory != Auto && c.MaxMemory < 64<<20, "must be at least 64MiB, or auto"},
		{"max-queue", "SENSEVOICE_MAX_QUEUE", c.MaxQueue < time.Minute, "must be at least 1m"},
		{"max-wait", "SENSEVOICE_MAX_WAIT", c.MaxWait <= 0, "must be above 0"},
		{"max-spool", "SENSEVOICE_MAX_SPOOL", c.MaxSpool < 1, "must be a size, such as 16GiB"},
		{"min-upload-rate", "SENSEVOICE_MIN_UPLOAD_RATE", c.UploadRate < 0, "must be a size, such as 1KiB; 0 for none"},
		{"request-timeout", "SENSEVOICE_REQUEST_TIMEOUT", c.Timeout <= 0, "must be above 0"},
		{"ready-timeout", "SENSEVOICE_READY_TIMEOUT", c.ReadyTimeout <= 0, "must be above 0"},
		{"drain-timeout", "SENSEVOICE_DRAIN_TIMEOUT", c.DrainTimeout < 0, "must be 0 or more"},
		{"tls-key", "SENSEVOICE_TLS_KEY", (c.TLSCert == "") != (c.TLSKey == ""), "and --tls-cert belong together: set both or none"},
	} {
		if s.wrong {
			return fmt.Errorf("--%s (%s): %s", s.flag, s.variable, s.want)
		}
	}
	return c.validateAddresses()
}

func (c *Config) validateAddresses() error {
	if c.FunASRAddr != "" {
		_, port, err := net.SplitHostPort(c.FunASRAddr)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return fmt.Errorf("--funasr-addr (SENSEVOICE_FUNASR_ADDR): %q is no address and port, such as :10095", c.FunASRAddr)
		}
	}
	for _, origin := range c.CORS {
		if origin != "*" && (!strings.Contains(origin, "://") || strings.HasSuffix(origin, "/")) {
			return fmt.Errorf("--cors-origins (SENSEVOICE_CORS_ORIGINS): %q is no origin: write scheme and host without a path, such as https://app.example.com", origin)
		}
	}
	return nil
}

// Address is where HTTP is served.
func (c *Config) Address() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }
