// Package tracing sends traces to an OpenTelemetry collector. It is the only room that knows the exporter; without an endpoint
// nothing of it runs.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes spans that go to a collector.
type Tracer struct {
	trace.Tracer
	provider *sdk.TracerProvider
}

// Open prepares to send to a collector that speaks OTLP over HTTP: its base address, to which "/v1/traces" is added, as the
// specification has it for OTEL_EXPORTER_OTLP_ENDPOINT. A collector that does not answer loses traces and stops nothing.
func Open(ctx context.Context, endpoint, version string, log *slog.Logger) (*Tracer, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--otlp-endpoint (SENSEVOICE_OTLP_ENDPOINT): %q is no address such as http://127.0.0.1:4318", endpoint)
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(endpoint, "/")+"/v1/traces"))
	if err != nil {
		return nil, fmt.Errorf("--otlp-endpoint (SENSEVOICE_OTLP_ENDPOINT): %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "error", err) }))
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "sensevoice"), attribute.String("service.version", version))))
	return &Tracer{provider.Tracer("sensevoice"), provider}, nil
}

// Close sends what is left.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }
