package api

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// tracer returns what makes spans: of nothing where none is configured.
func (b *Backend) tracer() trace.Tracer {
	if b.Tracer == nil {
		return noop.Tracer{}
	}
	return b.Tracer
}

// beginSpan begins the span of a request, within the client's trace if the request has one (W3C Trace Context).
func (b *Backend) beginSpan(route Route, r *http.Request) (context.Context, trace.Span) {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	return b.tracer().Start(ctx, route.Pattern, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("url.path", r.URL.Path)))
}

func endSpan(span trace.Span, request *Request, status int, failure *Error) {
	span.SetAttributes(
		attribute.Int("http.response.status_code", status),
		attribute.String("request.id", request.ID), attribute.String("caller", request.Caller))
	if failure != nil && status >= 500 {
		span.SetStatus(codes.Error, failure.Error())
	}
	span.End()
}

// setAccount writes where the time of a recording went into its span.
func setAccount(span trace.Span, a Account) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	span.SetAttributes(
		attribute.Float64("audio.seconds", a.Sound.Seconds()), attribute.Float64("queue.ms", ms(a.Queue)),
		attribute.Float64("decode.ms", ms(a.Decode)), attribute.Float64("vad.ms", ms(a.Detect)), attribute.Float64("encode.ms", ms(a.Encode)))
}
